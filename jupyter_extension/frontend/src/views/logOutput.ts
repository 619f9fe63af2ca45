import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import {
  IOutputModel,
  OutputModel,
  renderText as renderTerminalText
} from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { Widget } from '@lumino/widgets';

/** Draw text in a node, with its colours and links, as a notebook draws a stream. */
export function renderText(
  node: HTMLElement,
  text: string,
  { sanitizer }: IRenderMimeRegistry
): void {
  const host = document.createElement('div');
  host.className = 'jp-RenderedText';
  host.dataset.mimeType = 'application/vnd.jupyter.stdout';
  node.replaceChildren(host);
  void renderTerminalText({ host, source: text, sanitizer });
}

/**
 * Return a job's output as a widget, rendered as a notebook does with one that is not trusted.
 *
 * What no renderer knows is told in words; an exception is folded, as the log below tells it too.
 */
export function renderOutput(
  output: { [name: string]: any },
  rendermime: IRenderMimeRegistry,
  trans: TranslationBundle
): Widget {
  const model = new OutputModel({
    value: output as IOutputModel.IOptions['value'],
    trusted: false
  });
  const type = rendermime.preferredMimeType(model.data, 'ensure');
  if (!type) {
    const widget = new Widget();
    const kinds = Object.keys(model.data).join(', ');
    widget.node.textContent = trans.__('An output that cannot be shown here: %1', kinds);
    return widget;
  }
  const renderer = rendermime.createRenderer(type);
  void renderer.renderModel(model).catch(error => {
    renderer.node.textContent = trans.__('An output could not be shown: %1', String(error));
  });
  return output.output_type === 'error' ? folded(output, renderer) : renderer;
}

function folded(output: { [name: string]: any }, renderer: Widget): Widget {
  const details = document.createElement('details');
  const summary = document.createElement('summary');
  summary.textContent = `${output.ename}: ${output.evalue}`;
  details.append(summary, renderer.node);
  const widget = new Widget({ node: details });
  widget.disposed.connect(() => renderer.dispose());
  return widget;
}
