import React from 'react';

import { CommandIDs } from '../commandIds';
import type { IPrediction } from '../messages';
import type { IReply } from '../model/trial';
import { modelName } from '../modelReference';
import { millisecondsText } from '../words';
import { Code } from './code';
import { IViewProps, Loading, Trouble } from './section';

/** More than this of a text is not shown. */
const MOST_CHARACTERS = 20_000;

/** What a version answered: its result, how long it took, and what its script said. */
export function Reply({
  trans,
  reply
}: {
  trans: IViewProps['trans'];
  reply: IReply;
}): JSX.Element {
  const { model, prediction, error } = reply;
  const name = modelName(model);
  return (
    <section
      className="kd-Try-reply"
      aria-label={trans.__('Answer of %1', name)}
      aria-live="polite"
    >
      <h3>
        {name} <span className="kd-Quiet">{model.cluster}</span>
      </h3>
      {!prediction && !error && <Loading trans={trans} />}
      {error && <Trouble error={error} />}
      {prediction && <Answered trans={trans} prediction={prediction} />}
    </section>
  );
}

function Answered(props: { trans: IViewProps['trans']; prediction: IPrediction }): JSX.Element {
  const { trans, prediction } = props;
  const { answer, seconds, log } = prediction;
  const failed = answer.status === 'Failed';
  const took = millisecondsText(1000 * seconds);
  return (
    <>
      {failed ? (
        <p className="kd-Trouble" role="alert">
          {answer.error?.message}
        </p>
      ) : (
        <Text label={trans.__('Result')} text={JSON.stringify(answer.result, null, 2)} />
      )}
      <div className="kd-EngineRow-line">
        <span>{failed ? trans.__('failed after %1', took) : trans.__('answered in %1', took)}</span>
        <span className="kd-Quiet">
          {trans.__('version %1, request %2', answer.version, answer.id)}
        </span>
      </div>
      {answer.output && (
        <details open={failed}>
          <summary>{trans.__('What the scoring script printed')}</summary>
          <Text label={trans.__('What the scoring script printed')} text={answer.output} />
        </details>
      )}
      {log && (
        <details open={failed}>
          <summary>{trans.__('Log of the scoring script')}</summary>
          <Text label={trans.__('Log of the scoring script')} text={log} />
        </details>
      )}
    </>
  );
}

/** The same request for a notebook, a script and a shell. */
export function Requests(
  props: IViewProps & { prediction: IPrediction; copy: (text: string) => void }
): JSX.Element {
  const { trans, execute, copy, prediction } = props;
  const { magic, python, curl } = prediction;
  const insert = (source: string): void => execute(CommandIDs.insertCell, { source });
  const requests = [
    { name: '%predict', text: magic, cell: magic },
    { name: 'Python', text: python, cell: python },
    { name: 'curl', text: curl, cell: `%%bash\n${curl}` }
  ];
  return (
    <details className="kd-Try-requests">
      <summary>{trans.__('Ask the same from elsewhere')}</summary>
      {requests.map(({ name, text, cell }) => (
        <section key={name} aria-label={name}>
          <Text label={trans.__('Request as %1', name)} text={text} />
          <div className="kd-JobHeader-buttons">
            <button type="button" className="kd-Button" onClick={() => copy(text)}>
              {trans.__('Copy %1', name)}
            </button>
            <button type="button" className="kd-Button" onClick={() => insert(cell)}>
              {trans.__('Insert %1 into the notebook', name)}
            </button>
          </div>
        </section>
      ))}
    </details>
  );
}

function Text({ label, text }: { label: string; text: string }): JSX.Element {
  const shown = text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
  return <Code label={label} text={shown} />;
}
