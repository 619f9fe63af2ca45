import type { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { fileIcon, folderIcon, ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import type { IRepositoryEntry, IRepositoryFolder } from '../messages';
import { sizeText } from '../words';
import { Loading, Trouble } from './section';

/** What a picker shows, and of it what can be chosen. */
export interface IFilePickerOptions {
  trans: TranslationBundle;
  /** Return what is in a folder of the project repository; "" is its root. */
  list: (path: string) => Promise<IRepositoryFolder>;
  /** The folder that is shown first. */
  begin: string;
  /** Whether an entry can be the answer; folders can be opened all the same. */
  fits: (entry: IRepositoryEntry) => boolean;
}

/** A dialog's body in which a file or folder of the project repository is chosen. */
export class FilePicker extends ReactWidget implements Dialog.IBodyWidget<string> {
  private chosen = '';

  constructor(private readonly options: IFilePickerOptions) {
    super();
    this.addClass('kd-FilePicker');
  }

  getValue(): string {
    return this.chosen;
  }

  protected render(): JSX.Element {
    return <FilePickerView {...this.options} choose={path => (this.chosen = path)} />;
  }
}

/** The way to the folder that is shown, and what is in it. */
export function FilePickerView(
  props: IFilePickerOptions & { choose: (path: string) => void }
): JSX.Element {
  const { trans, list, begin, fits, choose } = props;
  const [path, setPath] = React.useState(begin);
  const [folder, setFolder] = React.useState<IRepositoryFolder | null>(null);
  const [error, setError] = React.useState<Error | null>(null);
  const [chosen, setChosen] = React.useState('');
  React.useEffect(() => {
    let isShown = true;
    list(path).then(
      found => isShown && (setFolder(found), setError(null)),
      trouble => isShown && (path ? setPath('') : setError(trouble as Error))
    );
    return () => {
      isShown = false;
    };
  }, [list, path]);
  const pick = (to: string): void => {
    setChosen(to);
    choose(to);
  };
  const open = (to: string): void => {
    pick('');
    setPath(to);
  };
  return (
    <>
      <Way trans={trans} path={folder?.path ?? ''} open={open} />
      {error && <Trouble error={error} />}
      {!folder && !error && <Loading trans={trans} />}
      {folder?.entries.length === 0 && <p className="kd-Empty">{trans.__('Nothing is here.')}</p>}
      <ul className="kd-FilePicker-list" aria-label={trans.__('Project repository')}>
        {(folder?.entries ?? []).map(entry => (
          <Entry
            key={entry.path}
            trans={trans}
            entry={entry}
            isChosen={entry.path === chosen}
            canBeChosen={fits(entry)}
            pick={() => pick(entry.path)}
            open={() => open(entry.path)}
          />
        ))}
      </ul>
      {folder !== null && folder.left_out > 0 && (
        <p className="kd-Empty">
          {trans.__('%1 more are not shown; type the path instead.', folder.left_out)}
        </p>
      )}
      <p role="status" className="kd-Quiet">
        {chosen ? trans.__('Chosen: %1', chosen) : trans.__('Nothing is chosen yet.')}
      </p>
    </>
  );
}

function Way(props: {
  trans: TranslationBundle;
  path: string;
  open: (path: string) => void;
}): JSX.Element {
  const parts = props.path ? props.path.split('/') : [];
  const steps = [
    { name: props.trans.__('Project repository'), path: '' },
    ...parts.map((name, n) => ({ name, path: parts.slice(0, n + 1).join('/') }))
  ];
  return (
    <nav aria-label={props.trans.__('Folder')}>
      {steps.map((step, n) => (
        <React.Fragment key={step.path}>
          {n > 0 && ' / '}
          <button type="button" className="kd-Link" onClick={() => props.open(step.path)}>
            {step.name}
          </button>
        </React.Fragment>
      ))}
    </nav>
  );
}

function Entry(props: {
  trans: TranslationBundle;
  entry: IRepositoryEntry;
  isChosen: boolean;
  canBeChosen: boolean;
  pick: () => void;
  open: () => void;
}): JSX.Element {
  const { trans, entry, isChosen, canBeChosen, pick, open } = props;
  const Icon = entry.is_folder ? folderIcon : fileIcon;
  return (
    <li className={isChosen ? 'kd-FilePicker-chosen' : ''}>
      <Icon.react tag="span" elementSize="normal" />
      <button
        type="button"
        className="kd-Link"
        aria-pressed={isChosen}
        disabled={!canBeChosen && !entry.is_folder}
        onClick={canBeChosen ? pick : open}
        onDoubleClick={entry.is_folder ? open : undefined}
      >
        {entry.name}
      </button>
      <span className="kd-Quiet">
        {entry.size_bytes === null ? '' : sizeText(entry.size_bytes)}
      </span>
      {entry.is_folder && (
        <button type="button" className="kd-Button" onClick={open}>
          {trans.__('Open %1', entry.name)}
        </button>
      )}
    </li>
  );
}
