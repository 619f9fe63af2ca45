import type { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { MessageLoop } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import React from 'react';

import { renderOutput } from './logOutput';

/** A rich output of a job, drawn as a notebook draws one that is not trusted. */
export function CellOutput(props: {
  trans: TranslationBundle;
  rendermime: IRenderMimeRegistry;
  output: { [name: string]: any };
}): JSX.Element {
  const { trans, rendermime, output } = props;
  const host = React.useRef<HTMLDivElement>(null);
  // Of the layout, so that it is disposed while it still is in the page.
  React.useLayoutEffect(() => {
    const widget = renderOutput(output, rendermime, trans);
    host.current!.append(widget.node);
    // It is no child of a layout, so it is told itself that it is in the page.
    MessageLoop.sendMessage(widget, Widget.Msg.AfterAttach);
    return () => {
      widget.dispose();
    };
  }, [output, rendermime, trans]);
  return <div className="kd-LiveCell-output" ref={host} />;
}
