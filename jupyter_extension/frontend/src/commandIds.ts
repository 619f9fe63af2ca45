/**
 * The ids of all commands, which menus, the palette, the views and notebooks use.
 *
 * What an argument does not name, a command asks for in a dialog.
 */
export const CommandIDs = {
  openSidebar: 'kd-magics:open-sidebar',
  refresh: 'kd-magics:refresh',

  /** { cluster } */
  insertCell: 'kd-magics:insert-cell',
  /** { cluster } */
  runCell: 'kd-magics:run-cell',
  /** { cluster } */
  showEngine: 'kd-magics:show-engine',
  /** { text, kind: 'code' | 'markdown' } */
  insertSnippet: 'kd-magics:insert-snippet',

  /** { cluster, job } */
  openJob: 'kd-magics:open-job',
  /** { cluster, job } */
  cancelJob: 'kd-magics:cancel-job',
  /** { cluster, job } */
  rerunJob: 'kd-magics:rerun-job',
  /** { cluster, job } */
  downloadJob: 'kd-magics:download-job',
  /** { cluster, job } */
  showCode: 'kd-magics:show-code',
  /** { jobs: ['cluster/1', …] } */
  compareJobs: 'kd-magics:compare-jobs',

  /** { job: 'cluster/1', name } */
  registerModel: 'kd-magics:register-model',
  /** { name, version } */
  showModel: 'kd-magics:show-model',
  /** { name, version } */
  describeModel: 'kd-magics:describe-model',
  /** { name, version } */
  unregisterModel: 'kd-magics:unregister-model',
  /** { name, version } */
  copyYaml: 'kd-magics:copy-yaml',
  /** { one: 'name/1', other: 'name/2' } */
  diffModels: 'kd-magics:diff-models',
  /** { name, version, alias } */
  setAlias: 'kd-magics:set-alias',
  /** { name, alias } */
  deleteAlias: 'kd-magics:delete-alias',
  /** { notebook, cell }: a notebook's path, a cell's id */
  openCell: 'kd-magics:open-cell',

  /** { name, version, cluster } */
  deployModel: 'kd-magics:deploy-model',
  /** { name, version, cluster } */
  undeployModel: 'kd-magics:undeploy-model',
  /** { name, version, cluster } */
  tryModel: 'kd-magics:try-model',
  /** { name, app, members } */
  newDeployment: 'kd-magics:new-deployment',
  /** { cluster, members } */
  setMembers: 'kd-magics:set-members'
} as const;
