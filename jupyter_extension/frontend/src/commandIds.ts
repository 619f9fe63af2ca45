/**
 * The ids of all commands, which menus, the palette, the views and notebooks use.
 *
 * What an argument does not name, a command asks for in a dialog.
 */
export const CommandIDs = {
  openSidebar: 'kd-magics:open-sidebar',

  /** { cluster }, or { source }: the code itself */
  insertCell: 'kd-magics:insert-cell',
  /** { cluster }; it is the active cell of the current notebook */
  runCellOn: 'kd-magics:run-cell-on',
  /** { cluster } */
  copyName: 'kd-magics:copy-name',
  /** { cluster } */
  showEngine: 'kd-magics:show-engine',

  /** { cluster, job } */
  openJob: 'kd-magics:open-job',
  /** { cluster, job } */
  cancelJob: 'kd-magics:cancel-job',
  /** { cluster, job } */
  rerunJob: 'kd-magics:rerun-job',
  /** { cluster, job } */
  downloadJob: 'kd-magics:download-job',
  /** { cluster, job } */
  downloadLog: 'kd-magics:download-log',
  /** { cluster, job } */
  showCode: 'kd-magics:show-code',
  /** { notebook, cell }, as the origin of a job or model names them, or { cluster, job } */
  openNotebook: 'kd-magics:open-notebook',
  /** { jobs: ['cluster/1', …] } */
  compareJobs: 'kd-magics:compare-jobs',

  /** { cluster, job }, or { name }, or nothing: an empty form */
  registerModel: 'kd-magics:register-model',
  /** { name, version } */
  openModel: 'kd-magics:open-model',
  /** { name, version } */
  describeModel: 'kd-magics:describe-model',
  /** { name, version } */
  setAlias: 'kd-magics:set-alias',
  /** { name, alias } */
  deleteAlias: 'kd-magics:delete-alias',
  /** { name, version } */
  unregisterModel: 'kd-magics:unregister-model',

  /** { cluster, name, version } */
  deployModel: 'kd-magics:deploy-model',
  /** { cluster, name, version } */
  undeployModel: 'kd-magics:undeploy-model',
  /** { cluster, name, version } */
  tryModel: 'kd-magics:try-model',
  /** { cluster } */
  setMembers: 'kd-magics:set-members',
  newDeployment: 'kd-magics:new-deployment'
} as const;
