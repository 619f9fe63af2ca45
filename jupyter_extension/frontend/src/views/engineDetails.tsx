import { ReactWidget } from '@jupyterlab/ui-components';
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IEnvironment, IMount, ITrainingEngine } from '../messages';
import { sizeText } from '../words';
import { trainingFacts } from './engineRow';
import { Loading, Trouble } from './section';

/** What the dialog shows; the packages come when the engine has told them. */
export interface IEngineDetailsProps {
  trans: TranslationBundle;
  engine: ITrainingEngine;
  environment: () => Promise<IEnvironment>;
}

/** Return a dialog's body: what a job finds on an engine. */
export function engineDetails(props: IEngineDetailsProps): ReactWidget {
  const body = ReactWidget.create(<EngineDetails {...props} />);
  body.addClass('kd-EngineDetails');
  return body;
}

/** What a job finds on an engine: its Python, its node, and all packages, which can be searched. */
export function EngineDetails(props: IEngineDetailsProps): JSX.Element {
  const { trans, engine } = props;
  const [found, setFound] = React.useState<IEnvironment | Error | null>(null);
  const { environment } = props;
  React.useEffect(() => {
    let isShown = true;
    environment().then(
      answer => isShown && setFound(answer),
      error => isShown && setFound(error as Error)
    );
    return () => {
      isShown = false;
    };
  }, [environment]);
  return (
    <>
      {engine.reason && <p>{engine.reason}</p>}
      <ul>
        {[
          `%%${engine.magic}`,
          ...trainingFacts(trans, engine),
          engine.node && trans.__('node %1', engine.node),
          engine.kd_magics && trans.__('kd-magics %1', engine.kd_magics)
        ]
          .filter(Boolean)
          .map(fact => (
            <li key={fact}>{fact}</li>
          ))}
      </ul>
      {found === null ? (
        <Loading trans={trans} />
      ) : found instanceof Error ? (
        <Trouble error={found} />
      ) : (
        <>
          <Mounts trans={trans} mounts={found.mounts} />
          <Packages trans={trans} packages={found.packages} />
        </>
      )}
    </>
  );
}

/** The file systems that a job finds; the first holds the project repository. */
function Mounts({ trans, mounts }: { trans: TranslationBundle; mounts: IMount[] }): JSX.Element {
  return (
    <ul aria-label={trans.__('File systems')}>
      {mounts.map(({ path, kind, is_read_only, free_bytes, size_bytes }, index) => {
        const facts = [
          index === 0 ? trans.__('project repository') : '',
          kind,
          is_read_only ? trans.__('read-only') : '',
          free_bytes !== null && size_bytes !== null
            ? trans.__('%1 of %2 free', sizeText(free_bytes), sizeText(size_bytes))
            : ''
        ];
        return (
          <li key={path}>
            <code>{path}</code> {facts.filter(Boolean).join(', ')}
          </li>
        );
      })}
    </ul>
  );
}

function Packages(props: {
  trans: TranslationBundle;
  packages: { [name: string]: string };
}): JSX.Element {
  const { trans, packages } = props;
  const [text, setText] = React.useState('');
  const wanted = text.trim().toLowerCase();
  const all = Object.entries(packages).sort(([one], [other]) => one.localeCompare(other));
  const shown = all.filter(([name]) => name.toLowerCase().includes(wanted));
  return (
    <>
      <input
        type="search"
        className="jp-mod-styled"
        value={text}
        placeholder={trans.__('Search packages')}
        aria-label={trans.__('Search packages')}
        onChange={event => setText(event.target.value)}
      />
      <p role="status" className="kd-Quiet">
        {trans.__('%1 of %2 packages', shown.length, all.length)}
      </p>
      <div
        className="kd-EngineDetails-packages"
        // A part that scrolls must be reachable by keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        role="region"
        aria-label={trans.__('Packages')}
      >
        <table>
          <thead>
            <tr>
              <th scope="col">{trans.__('Package')}</th>
              <th scope="col">{trans.__('Version')}</th>
            </tr>
          </thead>
          <tbody>
            {shown.map(([name, version]) => (
              <tr key={name}>
                <td>{name}</td>
                <td>{version}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}
