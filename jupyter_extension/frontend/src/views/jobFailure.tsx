import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { IFailure, IFrame, IVariable } from '../messages';
import { sizeText } from '../words';

/** Why a job failed: the exception, and its frames with their variables. */
export function JobFailure(props: { trans: TranslationBundle; failure: IFailure }): JSX.Element {
  const { trans, failure } = props;
  // The innermost frame of the user's own code is where one looks first.
  const open = failure.frames.map(frame => frame.own).lastIndexOf(true);
  return (
    <section className="kd-JobFailure" aria-label={trans.__('Failure')}>
      <p className="kd-JobFailure-message">
        <strong>{failure.kind}</strong>: {failure.message}
      </p>
      <details>
        <summary>
          {trans._n('%1 frame', '%1 frames', failure.frames.length)}
          {', '}
          {trans.__('the innermost last, with variables')}
        </summary>
        {failure.frames.map((frame, index) => (
          <Frame key={index} trans={trans} frame={frame} isOpen={index === open} />
        ))}
      </details>
    </section>
  );
}

function Frame(props: { trans: TranslationBundle; frame: IFrame; isOpen: boolean }): JSX.Element {
  const { trans, frame } = props;
  const variables = frame.variables ?? [];
  const place = trans.__('%1, line %2, in %3', frame.file, frame.line, frame.function);
  return (
    <div className={`kd-Frame${frame.own ? ' kd-mod-own' : ''}`}>
      <div>{place}</div>
      {frame.source && <pre>{frame.source}</pre>}
      {variables.length > 0 && (
        <details open={props.isOpen}>
          <summary>{trans._n('%1 variable', '%1 variables', variables.length)}</summary>
          <table>
            <tbody>
              {variables.map(variable => (
                <tr key={variable.name}>
                  <th scope="row">{variable.name}</th>
                  <td>{kindOf(variable)}</td>
                  <td>
                    <code>{variable.text}</code>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      )}
    </div>
  );
}

/** Return what a variable is: its type, shape and size, as far as they are known. */
function kindOf({ kind, shape, dtype, size_bytes }: IVariable): string {
  return [
    kind,
    shape ? `(${shape.join(' × ')})` : '',
    dtype ?? '',
    size_bytes ? sizeText(size_bytes) : ''
  ]
    .filter(Boolean)
    .join(' ');
}
