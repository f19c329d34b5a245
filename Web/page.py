"""The page's layout, and which control calls what."""

from __future__ import annotations

from dataclasses import dataclass

import gradio as gr

from . import texts
from .api import Api
from .page_updates import OUTPUTS, PageUpdates

SECONDS_BETWEEN_TICKS = 1.0
DROPZONE = """
<div class="dropzone" data-most-megabytes="{megabytes}">
  <label for="scan-files"><b>Drop scans here, or press to choose files</b>
  <span>One T1-weighted head a file: NIfTI, NRRD, MGZ, MetaImage, or a zip with one DICOM series;
  up to {megabytes} MB each</span>
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
    """What the page says about its server."""

    most_megabytes: int
    minutes: float
    minutes_after_download: float


def own_theme() -> gr.themes.Base:
    """Fonts of the visitor's own system: nothing is fetched for them."""
    return gr.themes.Base(
        primary_hue="blue",
        neutral_hue="slate",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    ).set(
        checkbox_border_color="*neutral_500",
        checkbox_border_color_dark="*neutral_400",
    )


def build_page(updates: PageUpdates, api: Api, settings: PageSettings) -> gr.Blocks:
    """Lay out the page; nothing of a visitor is in it."""
    with gr.Blocks(title=texts.TITLE, analytics_enabled=False, fill_width=False) as page:
        gr.HTML(_header(settings))
        gr.HTML("<h2>1. Scans</h2>")
        dropzone = gr.HTML(
            html_template=DROPZONE.format(megabytes=settings.most_megabytes),
            js_on_load=DROPZONE_SCRIPT,
        )
        sample = gr.Button("Add the sample brain", elem_id="sample", size="sm")
        scans = gr.HTML(elem_id="scans", js_on_load=SCANS_SCRIPT)
        gr.HTML("<h2>2. Segment</h2>")
        with gr.Row():
            subunits = gr.Checkbox(
                label="Also the ten subunits",
                info="FreeSurfer’s labels 801–810",
                min_width=240,
                elem_id="subunits",
            )
            grid = gr.Dropdown(
                label="Grid of the hypothalamus labels",
                choices=[(words, name) for name, words in texts.GRIDS.items()],
                value="0.5",
                min_width=240,
                elem_id="grid",
            )
        with gr.Row():
            start = gr.Button("Start", variant="primary", interactive=False, elem_id="start")
            cancel = gr.Button("Cancel", interactive=False, elem_id="cancel")
        said = gr.HTML(elem_id="said")
        with gr.Column(visible=False, elem_id="results") as results:
            gr.HTML("<h2>3. Results</h2>")
            batch = gr.HTML(elem_id="batch")
            everything = gr.HTML(elem_id="everything")
            choice = gr.Dropdown(label="Show", elem_id="choice", interactive=True)
            viewer = gr.HTML(
                value="{}",
                html_template="<div class='viewer-root'></div>",
                js_on_load=VIEWER_SCRIPT,
                elem_id="viewer",
            )
            flags = gr.HTML(elem_id="flags")
            volumes = gr.HTML(elem_id="volumes")
            gr.HTML(f"<p class='quiet'>{texts.HOW_TO_READ}</p>")
            files = gr.HTML(elem_id="files")
        delete = gr.Button("Delete my files", interactive=False, elem_id="delete", size="sm")
        timer = gr.Timer(SECONDS_BETWEEN_TICKS, active=False)
        shown = gr.State({})
        parts = locals()
        outputs = [parts[name] for name in OUTPUTS]

        def on(listen, callback, inputs=(shown,), **options) -> None:
            listen(callback, list(inputs), outputs, **quietly(callback.__name__), **options)

        page.load(updates.opened, [], [*outputs, subunits, grid], **quietly("opened"))
        # Each counts: files may arrive faster than the page asks what has become of them.
        on(dropzone.submit, updates.refresh, trigger_mode="multiple")
        on(timer.tick, updates.refresh)
        on(sample.click, updates.add_sample)
        on(scans.select, updates.remove, trigger_mode="multiple")
        on(start.click, updates.start, (subunits, grid, shown))
        on(cancel.click, updates.cancel)
        on(delete.click, updates.delete)
        choice.change(
            updates.choose,
            choice,
            [viewer, flags, volumes, files],
            **quietly("choose"),
        )
        api.register()
    return page


def quietly(name: str) -> dict:
    """How the page's own events run: what takes time waits in the engine's queue, not Gradio's."""
    return {
        "queue": False,
        "show_progress": "hidden",
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
