"""A stand-in for the Slicer application, so that the panel is tested where there is no Slicer.

The ``slicer-core`` wheel is real MRML: scene, nodes, logics and displayable managers, but no Qt.
This package puts the rest of the application around it on PySide6: ``slicer.app``,
``slicer.modules``, ``qt`` as PythonQt gives it, the ``ctk`` and ``qMRML`` widgets of a segmentation
panel, and slice and 3-D views drawn offscreen. An unmodified scripted module opens on it::

    from slicer_host import application as host

    host.start()
    module, code = host.load_module(path)
    widget = host.open_widget(module, code)
    ...
    assert host.problems == []

It is stricter than PySide6 and as strict as PythonQt: what would raise in Slicer raises here, and
what Slicer would only print is collected in ``host.problems``.

With the environment variable ``SLICER_SRC`` naming a Slicer source tree, Slicer's own Python files
(ScriptedLoadableModule, parameterNodeWrapper, i18n) take the place of their stand-ins: a check that
needs no Slicer build.

It cannot show PythonQt's rules for overloads, ownership and QVariant, the effects of the Segment
Editor, packaging, pip inside Slicer, Windows or macOS. The ctest entry points see to those, inside
Slicer.
"""
