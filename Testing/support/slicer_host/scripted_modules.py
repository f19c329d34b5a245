"""Slicer's own Python modules, as far as a scripted module imports them.

With ``SLICER_SRC`` they come from a Slicer source tree; without it these stand-ins take their
place.
"""
# ruff: noqa: N802 (names of Slicer)

from __future__ import annotations

import importlib
import logging
import os
import sys
import unittest
from types import ModuleType
from typing import Any

import slicer
import slicer.util

from . import parameter_node_wrapper
from .scene import source_tree

# What modules have registered as their sample data, each as its keyword arguments.
sample_data_sources: list[dict[str, Any]] = []


class ScriptedLoadableModule:
    """Base class of a module's description."""

    def __init__(self, parent: Any) -> None:
        self.parent = parent
        self.moduleName = type(self).__name__
        # Slicer fills in its own names here; a module that forgets its own shows none.
        parent.title = ""
        parent.categories = parent.dependencies = parent.contributors = []
        parent.helpText = parent.acknowledgementText = ""

    def resourcePath(self, filename: str) -> str:
        return os.path.join(os.path.dirname(self.parent.path), "Resources", filename)

    def getDefaultModuleDocumentationLink(self, docPage: str | None = None) -> str:  # noqa: N803
        page = slicer.app.moduleDocumentationUrl(self.moduleName)
        return f'<p>For more information, see the <a href="{page}">online documentation</a>.</p>'


class ScriptedLoadableModuleWidget:
    """Base class of a module's panel."""

    def __init__(self, parent: Any = None) -> None:
        self.moduleName = type(self).__name__.removesuffix("Widget")
        self.developerMode = False
        self.parent = parent or slicer.qSlicerScriptedLoadableModuleWidget()
        self.layout = self.parent.layout()
        if parent is None:
            self.parent.setMRMLScene(slicer.mrmlScene)
            self.setup()
            self.parent.show()
        slicer.app.moduleManager().connect(
            "moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded
        )

    def resourcePath(self, filename: str) -> str:
        folder = os.path.dirname(slicer.util.modulePath(self.moduleName))
        return os.path.join(folder, "Resources", filename)

    def setup(self) -> None:
        """Make the widgets; in Slicer's developer mode there are some already."""

    def cleanup(self) -> None:
        """Let go of what the module holds, before it is unloaded."""

    def _onModuleAboutToBeUnloaded(self, name: str) -> None:
        if name == self.moduleName:
            self.cleanup()
            slicer.app.moduleManager().disconnect(
                "moduleAboutToBeUnloaded(QString)", self._onModuleAboutToBeUnloaded
            )


class ScriptedLoadableModuleLogic:
    """Base class of a module's logic: it knows the module's parameter node."""

    def __init__(self, parent: Any = None) -> None:
        self.moduleName = type(self).__name__.removesuffix("Logic")
        self.isSingletonParameterNode = True

    def getParameterNode(self) -> slicer.vtkMRMLScriptedModuleNode:
        """The module's node in the scene, made when there is none."""
        for node in self.getAllParameterNodes():
            return node
        return slicer.mrmlScene.AddNode(self.createParameterNode())

    def getAllParameterNodes(self) -> list[slicer.vtkMRMLScriptedModuleNode]:
        node_class = "vtkMRMLScriptedModuleNode"
        if self.isSingletonParameterNode:
            node = slicer.mrmlScene.GetSingletonNode(self.moduleName, node_class)
            if node is not None:
                # Closing the scene may have removed it.
                node.SetAttribute("ModuleName", self.moduleName)
            return [node] if node is not None else []
        nodes = slicer.util.getNodesByClass(node_class)
        return [node for node in nodes if node.GetAttribute("ModuleName") == self.moduleName]

    def createParameterNode(self) -> slicer.vtkMRMLScriptedModuleNode:
        node = slicer.mrmlScene.CreateNodeByClass("vtkMRMLScriptedModuleNode")
        node.UnRegister(None)
        if self.isSingletonParameterNode:
            node.SetSingletonTag(self.moduleName)
        node.SetAttribute("ModuleName", self.moduleName)
        node.SetName(slicer.mrmlScene.GenerateUniqueName(self.moduleName))
        return node


class ScriptedLoadableModuleTest(unittest.TestCase):
    """Base class of the tests that a module brings along."""

    def delayDisplay(self, message: str, *more: Any, **keywords: Any) -> None:
        logging.info(message)

    def runTest(self) -> None:
        for name in dir(self):
            if name.startswith("test"):
                self.setUp()
                getattr(self, name)()
                self.tearDown()


class SampleDataLogic:
    """Of the module SampleData, what others register their data with."""

    @staticmethod
    def registerCustomSampleDataSource(**keywords: Any) -> None:
        sample_data_sources.append(keywords)


def install() -> None:
    """Make the modules importable, from a source tree or from here."""
    _add("SampleData", SampleDataLogic=SampleDataLogic)
    if source_tree():
        for name in ("i18n", "ScriptedLoadableModule", "parameterNodeWrapper"):
            importlib.import_module(f"slicer.{name}")
        return
    classes = [ScriptedLoadableModule, ScriptedLoadableModuleWidget]
    classes += [ScriptedLoadableModuleLogic, ScriptedLoadableModuleTest]
    _add("slicer.ScriptedLoadableModule", **{each.__name__: each for each in classes})
    _add("slicer.i18n", tr=lambda text: text, translate=lambda context, text: text)
    public = {
        name: getattr(parameter_node_wrapper, name) for name in parameter_node_wrapper.__all__
    }
    _add("slicer.parameterNodeWrapper", **public)


def _add(name: str, **content: Any) -> None:
    module = ModuleType(name, "Stand-in for tests")
    vars(module).update(content)
    module.__all__ = list(content)
    sys.modules[name] = module
    package, _, child = name.rpartition(".")
    if package:
        setattr(sys.modules[package], child, module)
