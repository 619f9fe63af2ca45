import React from 'react';

import type { IDiffRow, IModel } from '../messages';
import type { IModelTabProps } from './modelTab';

/** In what a version differs from another one that is chosen here. */
export function ModelDiff(props: IModelTabProps & { model: IModel }): JSX.Element | null {
  const { trans, watch, model } = props;
  if (!watch.others.length) {
    return null;
  }
  return (
    <section className="kd-ModelDiff" aria-label={trans.__('Compare')}>
      <label>
        {trans.__('Compare with version')}{' '}
        <select
          className="jp-mod-styled"
          value={watch.other}
          onChange={event => void watch.compare(event.target.value)}
        >
          <option value="">–</option>
          {watch.others.map(one => (
            <option key={one.version} value={one.version}>
              {one.version}
            </option>
          ))}
        </select>
      </label>
      {watch.diff && (
        <table>
          <caption>{trans._n('%1 key differs', '%1 keys differ', watch.diff.rows.length)}</caption>
          <thead>
            <tr>
              <th scope="col">{trans.__('Key')}</th>
              <th scope="col">{watch.other}</th>
              <th scope="col">{model.version}</th>
            </tr>
          </thead>
          <tbody>
            {watch.diff.rows.map(row => (
              <Row key={row.key} row={row} />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function Row({ row }: { row: IDiffRow }): JSX.Element {
  return (
    <tr>
      <th scope="row">{row.key}</th>
      <td>{row.one ?? '–'}</td>
      <td>{row.other ?? '–'}</td>
    </tr>
  );
}
