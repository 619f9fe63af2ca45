import { LabIcon, PanelWithToolbar, ReactWidget, UseSignal } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import React from 'react';

import { IconButton } from './iconButton';
import { SeenWidget } from './seenWidget';

/** What every view gets: its texts, and a way to have something done. */
export interface IViewProps {
  trans: TranslationBundle;
  /** Execute a command; what goes wrong is told by the command. */
  execute: (id: string, args?: { [name: string]: any }) => void;
}

/** What a section shows, as Polled is: asked for while it is wanted, and telling of changes. */
export interface IWanted<T> {
  readonly value: T | null;
  readonly error: Error | null;
  readonly changed: ISignal<any, void>;
  want(): IDisposable;
}

/** A section of the sidebar, which asks for its value only while it can be seen. */
export class Section<T> extends SeenWidget {
  constructor(
    private readonly polled: IWanted<T>,
    private readonly props: IViewProps,
    private readonly view: (value: T, props: IViewProps) => JSX.Element
  ) {
    super();
    this.addClass('kd-Section');
  }

  protected want(): IDisposable {
    return this.polled.want();
  }

  protected render(): JSX.Element {
    const { polled, props, view } = this;
    return (
      <UseSignal signal={polled.changed}>
        {() => (
          <>
            {polled.error && <Trouble error={polled.error} />}
            {polled.value === null ? (
              !polled.error && <Loading trans={props.trans} />
            ) : (
              <>{view(polled.value, props)}</>
            )}
          </>
        )}
      </UseSignal>
    );
  }
}

/** Put a button into the header of a section. */
export function addHeaderButton(
  panel: PanelWithToolbar,
  icon: LabIcon,
  label: string,
  onClick: () => void
): void {
  const button = <IconButton icon={icon} label={label} onClick={onClick} />;
  panel.toolbar.addItem(label, ReactWidget.create(button));
}

/** Why something is not there, as the server told it. */
export function Trouble({ error }: { error: Error }): JSX.Element {
  return (
    <p className="kd-Trouble" role="alert">
      {error.message}
    </p>
  );
}

/** Sentences about what does not work, and what to do. */
export function Notices({ notices }: { notices: string[] }): JSX.Element {
  return (
    <>
      {notices.map(notice => (
        <p className="kd-Notice" role="status" key={notice}>
          {notice}
        </p>
      ))}
    </>
  );
}

/** Shown until the first answer is there. */
export function Loading({ trans }: { trans: TranslationBundle }): JSX.Element {
  return (
    <p className="kd-Loading" role="status">
      {trans.__('Loading…')}
    </p>
  );
}
