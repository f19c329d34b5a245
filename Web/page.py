"""The layout of the page, and the callbacks of its controls."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from . import texts
from .api import Api
from .page_parts import Parts, ResultParts
from .page_updates import PageUpdates
from .run_options import default_options
from .served_protocols import ServedProtocols

SECONDS_BETWEEN_TICKS = 1.0
DROPZONE = """
<div class="dropzone" data-most-megabytes="{megabytes}">
  <label for="scan-files"><b>Drop scans here, or click to choose files</b>
  <span>One T1-weighted head scan per file: NIfTI, NRRD, MGZ, MetaImage, or a zip file with
  DICOM; up to {megabytes} MB each</span>
  <input id="scan-files" type="file" multiple></label>
  <ul aria-live="polite"></ul>
</div>"""
# Gradio's elements may be there before this page's own script.
WHEN_READY = """
const whenReady = (act) => window.hypothalamusSeg ? act() : setTimeout(() => whenReady(act), 30);
"""
DROPZONE_SCRIPT = f"""{WHEN_READY}
whenReady(() => window.hypothalamusSeg.dropzone(
  element.querySelector('.dropzone'), () => trigger('submit')));
"""
SCANS_SCRIPT = """
element.addEventListener('click', (event) => {
  const { remove, scan, series } = event.target.dataset || {};
  if (remove) trigger('select', { entry: remove });
  if (series) trigger('select', { entry: scan, series: Number(series) });
});
"""
DELETION_SCRIPT = f"""{WHEN_READY}
whenReady(() => {{
  const deletion = window.hypothalamusSeg.deletion(
    element.querySelector('.deletion'), (act) => trigger('select', {{ act }}));
  watch('value', () => deletion.ask());
}});
"""
NEWS_SCRIPT = f"""{WHEN_READY}
whenReady(() => {{
  const news = window.hypothalamusSeg.news(
    element.querySelector('.news'), () => trigger('submit'));
  watch('value', () => news.take(JSON.parse(props.value || '{{}}')));
}});
"""
VIEWER_SCRIPT = f"""{WHEN_READY}
whenReady(() => {{
  const viewer = window.hypothalamusSeg.viewer(element.querySelector('.viewer-root'));
  const show = () => viewer.show(JSON.parse(props.value || '{{}}'));
  watch('value', show);
  show();
}});
"""


@dataclass(frozen=True)
class PageSettings:
    """Server settings shown on the page."""

    most_megabytes: int
    minutes: float
    minutes_after_download: float
    protocols: ServedProtocols


def own_theme() -> gr.themes.Base:
    """Use the fonts of the visitor's system, so nothing is downloaded."""
    return gr.themes.Base(
        primary_hue="blue",
        neutral_hue="slate",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        # White text has a contrast of 6.7:1 here; on Gradio's own blue, 3.7:1.
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        checkbox_border_color="*neutral_500",
        checkbox_border_color_dark="*neutral_400",
    )


def build_page(updates: PageUpdates, api: Api, settings: PageSettings) -> gr.Blocks:
    """Lay out the page; it contains no visitor data."""
    with gr.Blocks(title=texts.TITLE, analytics_enabled=False, fill_width=True) as page:
        gr.HTML(_header(settings))
        news = gr.HTML(
            value="{}",
            html_template="<p class='news unseen' role='status'></p>",
            js_on_load=NEWS_SCRIPT,
            elem_id="news",
        )
        with gr.Accordion("Scans and options", open=True, elem_id="setup") as setup:
            dropzone = gr.HTML(
                html_template=DROPZONE.format(megabytes=settings.most_megabytes),
                js_on_load=DROPZONE_SCRIPT,
            )
            sample = gr.Button("Add the sample brain", elem_id="sample", size="sm")
            scans = gr.HTML(elem_id="scans", js_on_load=SCANS_SCRIPT)
            options = _options(settings.protocols)
            with gr.Row():
                start = gr.Button("Start", variant="primary", interactive=False, elem_id="start")
                cancel = gr.Button("Cancel", interactive=False, elem_id="cancel")
        said = gr.HTML(elem_id="said")
        deletion = gr.HTML(
            value="0",
            html_template="<div class='deletion'></div>",
            js_on_load=DELETION_SCRIPT,
            elem_id="deletion",
        )
        with gr.Column(visible=False, elem_id="results") as results:
            choice, everything, batch, result_parts = _results()
        timer = gr.Timer(SECONDS_BETWEEN_TICKS, active=False)
        parts = Parts(
            scans=scans,
            setup=setup,
            start=start,
            cancel=cancel,
            deletion=deletion,
            timer=timer,
            results=results,
            batch=batch,
            everything=everything,
            choice=choice,
            news=news,
            said=said,
        )
        outputs = parts.values()

        def on(listen, callback, inputs=(news,), **options) -> None:
            hidden = without_spinner(callback.__name__, timer)
            listen(callback, list(inputs), outputs, **hidden, **options)

        page.load(updates.opened, [], [*outputs, *options], **without_spinner("opened", timer))
        # None is skipped: files may arrive faster than the page updates.
        on(dropzone.submit, updates.refresh, trigger_mode="multiple")
        on(timer.tick, updates.refresh)
        # The page received an older answer after a newer one.
        on(news.submit, updates.refresh, trigger_mode="multiple")
        on(sample.click, updates.add_sample)
        on(scans.select, updates.remove, trigger_mode="multiple")
        on(start.click, updates.start, (*options, news))
        on(cancel.click, updates.cancel)
        on(deletion.select, updates.delete)
        hidden = without_spinner("choose", timer)
        choice.change(updates.choose, choice, result_parts.values(), **hidden)
        api.register()
    return page


def _options(protocols: ServedProtocols) -> tuple[gr.components.Component, ...]:
    """The options of the command line, in the order of `PageUpdates.start`."""
    defaults = default_options()
    with gr.Row(elem_id="options"):
        structures = gr.CheckboxGroup(
            label="Structures",
            choices=[(words, name) for name, words in texts.STRUCTURE_CHOICES.items()],
            value=defaults["structures"],
            min_width=220,
            elem_id="structures",
        )
        subunits = gr.Checkbox(
            label="Also segment the ten subunits",
            info="FreeSurfer’s labels 801–810",
            min_width=200,
            elem_id="subunits",
        )
        grid = gr.Dropdown(
            label="Grid of the hypothalamus labels",
            choices=[(words, name) for name, words in texts.GRIDS.items()],
            value=defaults["grid"],
            min_width=240,
            elem_id="grid",
        )
        folds = gr.CheckboxGroup(
            label="Networks (folds); best with all five",
            choices=[(str(1 + fold), fold) for fold in defaults["folds"]],
            value=defaults["folds"],
            min_width=330,
            elem_id="folds",
        )
        protocol = gr.Dropdown(
            label=texts.PROTOCOL,
            info=texts.ABOUT_PROTOCOLS,
            choices=list(protocols.names),
            value=protocols.names[0],
            visible=protocols.is_choice,
            min_width=200,
            elem_id="protocol",
        )
    return structures, subunits, grid, folds, protocol


def _results() -> tuple[gr.Dropdown, gr.HTML, gr.HTML, ResultParts]:
    """The view of one result, and the tables below it."""
    with gr.Row(elem_id="screen"):
        with gr.Column(elem_id="reading"):
            choice = gr.Dropdown(label="Show", elem_id="choice", interactive=True)
            heading = gr.HTML(elem_id="heading")
            verdict = gr.HTML(elem_id="verdict")
            key = gr.HTML(elem_id="key")
            flags = gr.HTML(elem_id="flags")
            report = gr.HTML(elem_id="report")
            everything = gr.HTML(elem_id="everything")
            gr.HTML(f"<p class='quiet'>{texts.HOW_TO_READ}</p>")
        with gr.Column(elem_id="looking"):
            viewer = gr.HTML(
                value="{}",
                html_template="<div class='viewer-root'></div>",
                js_on_load=VIEWER_SCRIPT,
                elem_id="viewer",
            )
    batch = gr.HTML(elem_id="batch")
    numbers = gr.HTML(elem_id="volumes")
    files = gr.HTML(elem_id="files")
    result_parts = ResultParts(
        heading=heading,
        verdict=verdict,
        key=key,
        report=report,
        flags=flags,
        viewer=viewer,
        numbers=numbers,
        files=files,
    )
    return choice, everything, batch, result_parts


def without_spinner(name: str, invisible: gr.Timer) -> dict:
    """Options of the page's events: they bypass Gradio's queue; long tasks have their own."""
    return {
        "queue": False,
        "show_progress": "hidden",
        # Else each part of the page is drawn again when an event begins and ends.
        "show_progress_on": [invisible],
        "api_name": f"page_{name}",
        "api_visibility": "private",
    }


def _header(settings: PageSettings) -> str:
    privacy = texts.privacy(settings.minutes, settings.minutes_after_download)
    return (
        f"<header><h1>{texts.TITLE}</h1><p>{texts.SUBTITLE}</p>"
        f"<div class='notices'><p class='notice medical'>{texts.MEDICAL_USE}</p>"
        f"<p class='notice privacy'>{privacy}</p></div></header>"
    )
