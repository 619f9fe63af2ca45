/**
 * Every JSON body between the Jupyter server and the sidebar.
 *
 * Written by `python -m tests.typescript_messages` from kd_pipeline/messages; do not edit.
 */

/**
 * Answer of ``GET about``: whose pipeline it is, and where its parts are kept.
 *
 * ``notices`` are sentences about what does not work, with what to do: no configmeta.json,
 * credentials that expired.
 */
export interface IAbout {
  version: string;
  user: string;
  cluster: string;
  registry: string;
  project_repository: string;
  notices: string[];
}

/**
 * Body of ``PUT aliases/<name>/<alias>``: the version that the alias shall be of.
 */
export interface IAliasTarget {
  version: string;
}

/**
 * Answer of ``GET /jobs/<id>/code``.
 */
export interface ICode {
  code: string;
  first_line: number;
}

/**
 * One row of a comparison; a param or metric that the job has not is not in it.
 */
export interface IComparedJob {
  cluster: string;
  id: number;
  name: string;
  status: string;
  params: { [name: string]: any };
  metrics: { [name: string]: number };
}

/**
 * Answer of ``GET comparison?job=<cluster>/<id>&…``.
 *
 * ``params`` and ``metrics`` are the columns, those in which all jobs are equal left out;
 * ``best`` is a metric's best value, where its name tells whether less or more is better.
 */
export interface IComparison {
  jobs: IComparedJob[];
  params: string[];
  metrics: string[];
  best: { [name: string]: number };
}

/**
 * Answer of ``GET /jobs/<id>/curves``: a job's metrics and what it used, oldest first.
 *
 * They are thinned evenly: at most 20 metrics of 200 values each. Of a log that is longer than the
 * engine reads, parts that are spread over it are looked at, and ``is_sampled`` is True.
 */
export interface ICurves {
  metrics: { [name: string]: IMetricPoint[] };
  usage: IUsagePoint[];
  is_sampled: boolean;
}

/**
 * A model version on a deployment cluster: whether it is wanted there, and how it is.
 *
 * ``state`` is an engine's word (Loading, Ready, Failed, Draining), "Not loaded yet", "Unknown";
 * ``reason`` says why.
 */
export interface IDeployedModel {
  name: string;
  version: string;
  wanted: boolean;
  state: string;
  reason: string;
  since: string;
  restarts: number;
  aliases: string[];
  url: string;
  has_example: boolean;
  traffic: ITraffic | null;
  served_by: string;
  processes: number;
}

/**
 * A deployment kdcluster: how many members it shall have and has, and its models.
 *
 * ``state`` is its own word (configured, creating, …) where the registry tells it. ``connected``
 * says whether the notebook may ask it: one that is not shows what is wanted only.
 */
export interface IDeployment {
  name: string;
  app: string;
  connected: boolean;
  state: string;
  reason: string;
  members_wanted: number;
  members: number;
  models: IDeployedModel[];
}

/**
 * A connected deployment cluster; ``models`` counts its model versions by their state.
 */
export interface IDeploymentEngine {
  name: string;
  state: 'Answers' | 'Starting' | 'Down' | 'Refused' | 'Unknown';
  reason: string;
  answered: string | null;
  members: number;
  models: { [name: string]: number };
}

/**
 * Answer of ``GET deployments``; ``apps`` are the kdapps of which a new one can be.
 */
export interface IDeploymentList {
  deployments: IDeployment[];
  apps: string[];
  notices: string[];
}

/**
 * Body of ``PUT models/<name>/<version>/description``.
 */
export interface IDescription {
  description: string;
}

/**
 * A key of two models' ConfigMaps; None is a key that one of them has not.
 */
export interface IDiffRow {
  key: string;
  one: string | null;
  other: string | null;
}

/**
 * Answer of ``GET engines``.
 */
export interface IEngineList {
  training: ITrainingEngine[];
  deployment: IDeploymentEngine[];
  notices: string[];
}

/**
 * Answer of ``GET /environment``: what a job will find on a training engine.
 *
 * ``load`` is the share of its processors that is busy (0 to 1); the first of ``mounts`` holds the
 * project repository.
 */
export interface IEnvironment {
  python: string;
  packages: { [name: string]: string };
  cpus: number;
  memory_bytes: number;
  gpus: IGpu[];
  node: string;
  cluster: string;
  ml_engine: string;
  queue: IQueue;
  load: number | null;
  memory_free_bytes: number | null;
  kd_magics: string;
  mounts: IMount[];
}

/**
 * The one shape of every error answer.
 */
export interface IErrorBody {
  error: IErrorDetail;
}

/**
 * What went wrong: the error class's name, one sentence, and the request it belongs to.
 *
 * ``field`` is the one of the request's body that is wrong, where it is one.
 */
export interface IErrorDetail {
  type: string;
  message: string;
  request_id: string | null;
  hint: IErrorHint | null;
  field: string | null;
}

/**
 * What to do next: a command, the words after it, and what that does.
 */
export interface IErrorHint {
  command: string;
  words: string[];
  does: string;
}

/**
 * Answer of ``GET /jobs/<id>/failure``: the exception that ended a job, innermost frame last.
 *
 * ``missing_module`` is the name that could not be imported, where that was the reason.
 */
export interface IFailure {
  kind: string;
  message: string;
  frames: IFrame[];
  missing_module?: string | null;
}

/**
 * A frame of a traceback; ``own`` where it is the job's own code or a file sent with it.
 */
export interface IFrame {
  file: string;
  line: number;
  function: string;
  source?: string;
  own?: boolean;
  variables?: IVariable[];
}

/**
 * One GPU of an engine's node.
 */
export interface IGpu {
  name: string;
  memory_bytes: number;
}

/**
 * A job as its files tell; ``pid`` is the job's process on ``node``.
 *
 * ``reason`` says why a job is in its status: why it waits, or why it ended as it did. ``usage``
 * is there while it runs, ``progress`` as far as its log tells it. ``queue_position`` is how many
 * jobs wait before it. ``log_size`` and ``outputs_size`` are in bytes: where the next question
 * about its log or its rich outputs begins for whoever has seen all of them.
 */
export interface IJob {
  id: number;
  cluster: string;
  status: 'Queued' | 'Running' | 'Finished' | 'Failed' | 'Cancelled' | 'TimedOut' | 'OutOfMemory' | 'Lost';
  submitted: string;
  request_url: string;
  log_url: string;
  code_sha256: string;
  name: string;
  user: string;
  reason: string | null;
  exit_code: number | null;
  signal: string | null;
  started: string | null;
  ended: string | null;
  node: string | null;
  pid: number | null;
  queue_position: number | null;
  log_size: number;
  outputs_size: number;
  origin: { [name: string]: string };
  params: { [name: string]: any };
  inputs: string[];
  outputs: string[];
  files: string[];
  requirements: string[];
  resources: IResources;
  timeout_s: number | null;
  rerun_of: number | null;
  usage: IUsage | null;
  progress: IProgress | null;
  memory_peak_bytes: number | null;
  clean: boolean;
}

/**
 * One rich output: an nbformat output object and the log offset at which it appeared.
 *
 * One whose ``display_id`` came before replaces that output, at its place.
 */
export interface IJobOutput {
  offset: number;
  output: { [name: string]: any };
  display_id: string | null;
}

/**
 * Answer of ``GET /jobs/<id>/outputs``; ``next`` is the ``after`` of the next call.
 */
export interface IJobOutputs {
  outputs: IJobOutput[];
  next: number;
}

/**
 * Answer of ``GET jobs``: jobs of all clusters, the newest submitted first.
 *
 * ``next`` is the ``before`` of the next page, None where there is none; ``troubles`` tells of
 * each cluster that gave no answer why.
 */
export interface IJobPage {
  jobs: IJob[];
  next: string | null;
  troubles: { [name: string]: string };
}

/**
 * Where a model comes from, as its ConfigMap says; "" is not known.
 *
 * ``cell_changed`` is True where the notebook's saved cell is no longer the code that made the
 * model, None where that cannot be told.
 */
export interface ILineage {
  job_cluster?: string;
  job_id?: number | null;
  code_sha256?: string;
  notebook?: string;
  cell_id?: string;
  file?: string;
  git_commit?: string;
  git_dirty?: boolean | null;
  data?: string;
  author?: string;
  created?: string;
  params?: { [name: string]: any };
  cell_changed?: boolean | null;
}

/**
 * Body of ``PUT deployments/<cluster>/members``.
 */
export interface IMembersWanted {
  members: number;
}

/**
 * The value that a metric had as its ``number``-th, from 1 on.
 *
 * ``at`` is its epoch or round, where the job told that.
 */
export interface IMetricPoint {
  number: number;
  at: number | null;
  value: number;
}

/**
 * One registered model version; ``deployed_on`` are the kdclusters it is connected to.
 *
 * ``extra`` are the ConfigMap's further keys as they are written there.
 */
export interface IModel {
  name: string;
  version: string;
  configmap: string;
  description: string;
  path: string;
  scoring_path: string;
  size_bytes: number | null;
  metrics: { [name: string]: any };
  lineage: ILineage;
  aliases: string[];
  deployed_on: string[];
  flags: ('NotDeployed' | 'NewerThanDeployed' | 'FilesChanged' | 'FilesMissing')[];
  extra: { [name: string]: string };
}

/**
 * Answer of ``GET diff?one=<name>/<version>&other=<name>/<version>``: what differs.
 */
export interface IModelDiff {
  rows: IDiffRow[];
  same: string[];
}

/**
 * Answer of ``GET models?known=``: by name, the newest version first.
 *
 * Where ``known`` is the ``tag`` of a former answer that is still right, it is 204 without a body.
 * ``place`` is where they are kept, ``generation`` changes whenever anything in it does;
 * ``problems`` are sentences about ConfigMaps that are no whole models.
 */
export interface IModelRegistry {
  models: IModel[];
  place: string;
  generation: string;
  problems: string[];
  tag: string;
}

/**
 * Answer of ``GET models/<name>/<version>/yaml``: the ConfigMap for ``kubectl apply``.
 */
export interface IModelYaml {
  yaml: string;
}

/**
 * A file system that a job finds; ``kind`` is the system's word for it, such as nfs4.
 */
export interface IMount {
  path: string;
  kind: string;
  is_read_only: boolean;
  size_bytes: number | null;
  free_bytes: number | null;
}

/**
 * Body of ``POST deployments``: a new deployment kdcluster, connected to the notebook.
 */
export interface INewDeployment {
  name: string;
  app: string;
  members?: number;
  models?: string[];
}

/**
 * Answer of ``GET notebook?path=&cell=``; ``path`` begins at the Jupyter server's folder.
 */
export interface INotebookPlace {
  path: string;
  has_cell: boolean;
}

/**
 * Answer of ``POST /<model>/<version>/predict``: the contract's keys, then ours.
 *
 * ``output`` is what the scoring script printed, ``result`` the prediction as JSON; ``error`` is
 * there where it failed. The two URLs are ``<host>:<port>/…``, as the 2020 product wrote them.
 */
export interface IPredictAnswer {
  id: number;
  input: any;
  log_url: string;
  node: string;
  output: string;
  pid: number;
  request_url: string;
  status: 'Finished' | 'Failed';
  model: string;
  version: string;
  result: any;
  error: IErrorDetail | null;
}

/**
 * One field of the form "Try it": its JSON type, and the value of the stored example.
 */
export interface IPredictField {
  name: string;
  type: 'string' | 'number' | 'integer' | 'boolean' | 'json';
  value: any;
  description: string;
}

/**
 * Answer of ``GET deployments/<cluster>/models/<name>/<version>/form``.
 *
 * ``fields`` are of the model's signature, or of its example; none where neither is known: then
 * ``example`` is edited as JSON. ``source`` says which it was.
 */
export interface IPredictForm {
  fields: IPredictField[];
  example: any;
  source: 'signature' | 'example' | 'none';
}

/**
 * Body of ``POST deployments/<cluster>/models/<name>/<version>/predict``.
 */
export interface IPredictTry {
  scoring_args: any;
}

/**
 * A model's answer, how long it took, and how to ask the same from elsewhere.
 *
 * The answer tells where the model failed, too. ``log`` is what is known of the scoring script's
 * own words beside it. The snippets hold no token: ``curl`` and ``python`` name a variable.
 */
export interface IPrediction {
  answer: IPredictAnswer;
  seconds: number;
  log: string;
  curl: string;
  python: string;
  magic: string;
}

/**
 * How far a job is, as its prints tell: ``fraction`` from 0 to 1, the newest metrics.
 */
export interface IProgress {
  fraction?: number | null;
  current?: number | null;
  total?: number | null;
  unit?: string;
  eta_s?: number | null;
  metrics?: { [name: string]: number };
}

/**
 * How many jobs wait and run, and how many may run at once.
 */
export interface IQueue {
  queued: number;
  running: number;
  limit: number;
}

/**
 * Body of ``POST registration/check`` and ``POST models``.
 *
 * Paths are in the project repository (``models/taxi/1``). ``metrics`` and ``example`` are JSON
 * texts, "" for none; ``job`` (``<cluster>/<id>``) gives the lineage, "" for none.
 */
export interface IRegistration {
  name: string;
  version: string;
  path: string;
  scoring_path: string;
  description?: string;
  metrics?: string;
  example?: string;
  job?: string;
}

/**
 * Answer of ``POST registration/check``: nothing is written.
 *
 * ``yaml`` is the ConfigMap as it would be, ``size_bytes`` its size and ``limit_bytes`` the most
 * it may have; ``free_version`` is the next version of that name.
 */
export interface IRegistrationCheck {
  problems: IRegistrationProblem[];
  configmap: string;
  yaml: string;
  size_bytes: number;
  limit_bytes: number;
  free_version: string;
}

/**
 * Answer of ``GET registration/draft?job=<cluster>/<id>&name=<name>``.
 *
 * What the form begins with; ``paths`` and ``scripts`` are what the job wrote, likeliest first.
 * ``note`` is a sentence where something could not be found out.
 */
export interface IRegistrationDraft {
  registration: IRegistration;
  paths: string[];
  scripts: string[];
  note: string;
}

/**
 * What is wrong with a registration: the field of the form ("" is all of it), a sentence.
 */
export interface IRegistrationProblem {
  field: string;
  message: string;
}

/**
 * A file or folder of the project repository; ``path`` is relative to it.
 */
export interface IRepositoryEntry {
  name: string;
  path: string;
  is_folder: boolean;
  size_bytes: number | null;
  modified: string;
}

/**
 * Answer of ``GET repository?path=<path>``: folders first, then files, by name.
 *
 * ``left_out`` is how many there are beyond those, in a folder that has too many to show.
 */
export interface IRepositoryFolder {
  path: string;
  entries: IRepositoryEntry[];
  left_out: number;
}

/**
 * Body of ``POST jobs/<cluster>/<job>/rerun``: params that replace the job's, a new name.
 *
 * ``key`` makes sending again safe: the same key is the same job.
 */
export interface IRerunRequest {
  params?: { [name: string]: any };
  name?: string | null;
  key?: string | null;
}

/**
 * What a job wants for itself; None is what the engine gives without being asked.
 */
export interface IResources {
  cpus?: number | null;
  memory_bytes?: number | null;
  gpus?: number | null;
}

/**
 * What a model version was asked lately on an engine (within its last half minute).
 *
 * ``p50_ms`` and ``p99_ms`` are the times that it took to answer, in milliseconds; ``failed``
 * counts the requests on which its scoring script failed.
 */
export interface ITraffic {
  per_second: number;
  failed: number;
  p50_ms: number;
  p99_ms: number;
}

/**
 * A connected training cluster; ``magic`` is what stands after ``%%`` in a cell.
 *
 * ``reason`` says why it gave no answer and what to do; figures are None where it told none (an
 * engine of 2020 tells none at all). ``load`` is the busy share of its processors (0 to 1).
 */
export interface ITrainingEngine {
  name: string;
  magic: string;
  ml_engine: string;
  state: 'Answers' | 'Starting' | 'Down' | 'Refused' | 'Unknown';
  reason: string;
  answered: string | null;
  is_2020: boolean;
  queue: IQueue | null;
  python: string;
  kd_magics: string;
  node: string;
  cpus: number | null;
  load: number | null;
  memory_bytes: number | null;
  memory_free_bytes: number | null;
  gpus: IGpu[];
}

/**
 * What all processes of a job use: ``cpu_percent`` is 100 for one whole processor.
 */
export interface IUsage {
  cpu_percent: number;
  memory_bytes: number;
  memory_peak_bytes: number;
  processes: number;
  sampled: string;
}

/**
 * What a job used in the stretch that ended at ``time``: mean processor, most memory.
 */
export interface IUsagePoint {
  time: string;
  cpu_percent: number;
  memory_bytes: number;
}

/**
 * A local variable of a frame that failed: a short text of it, and its size.
 */
export interface IVariable {
  name: string;
  kind: string;
  text: string;
  shape?: number[] | null;
  dtype?: string | null;
  size_bytes?: number | null;
}
