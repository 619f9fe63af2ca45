import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { STATUSES, statusText } from '../jobWords';
import type { IJobFilter } from '../model/jobList';

/** Which jobs are listed: a search, whose they are, in which state. */
export function JobFilter(props: {
  trans: TranslationBundle;
  filter: IJobFilter;
  setFilter: (changed: Partial<IJobFilter>) => void;
}): JSX.Element {
  const { trans, filter, setFilter } = props;
  return (
    <div className="kd-JobFilter" role="search" aria-label={trans.__('Jobs')}>
      <input
        type="search"
        className="jp-mod-styled"
        value={filter.text}
        maxLength={200}
        placeholder={trans.__('Name, number, user, notebook, param=value')}
        aria-label={trans.__('Search jobs')}
        onChange={event => setFilter({ text: event.target.value })}
      />
      <div className="kd-JobFilter-row">
        <label>
          <input
            type="checkbox"
            checked={filter.mine}
            onChange={event => setFilter({ mine: event.target.checked })}
          />
          {trans.__('Only mine')}
        </label>
        <select
          className="jp-mod-styled"
          value={filter.status}
          aria-label={trans.__('State')}
          onChange={event => setFilter({ status: event.target.value })}
        >
          <option value="">{trans.__('Any state')}</option>
          {STATUSES.map(status => (
            <option key={status} value={status}>
              {statusText(trans, status)}
            </option>
          ))}
        </select>
      </div>
    </div>
  );
}
