import { ServerConnection } from '@jupyterlab/services';

import type * as messages from './messages';
import { request, requestJson, routeUrl } from './request';

/** Which jobs are wanted; what is left out is not asked for. */
export interface IJobQuery {
  limit?: number;
  before?: string;
  user?: string;
  status?: string;
  q?: string;
  cluster?: string;
}

/**
 * The routes of the server extension, one function each.
 *
 * Each throws RequestError, whose message is a sentence for people, or ServerDown.
 */
export class Api {
  private _user: Promise<string> | null = null;

  constructor(private readonly settings = ServerConnection.makeSettings()) {}

  about = (): Promise<messages.IAbout> => this.get(['about']);

  engines = (): Promise<messages.IEngineList> => this.get(['engines']);

  environment = (cluster: string): Promise<messages.IEnvironment> => this.get(['engines', cluster]);

  jobs = (query: IJobQuery = {}): Promise<messages.IJobPage> => this.get(['jobs'], { ...query });

  job = (cluster: string, id: number): Promise<messages.IJob> => this.get(['jobs', cluster, id]);

  outputs = (cluster: string, id: number, after: number): Promise<messages.IJobOutputs> =>
    this.get(['jobs', cluster, id, 'outputs'], { after });

  failure = (cluster: string, id: number): Promise<messages.IFailure> =>
    this.get(['jobs', cluster, id, 'failure']);

  code = (cluster: string, id: number): Promise<messages.ICode> =>
    this.get(['jobs', cluster, id, 'code']);

  cancel = (cluster: string, id: number): Promise<messages.IJob> =>
    this.send('POST', ['jobs', cluster, id, 'cancel']);

  rerun = (
    cluster: string,
    id: number,
    wanted: messages.IRerunRequest = {}
  ): Promise<messages.IJob> => this.send('POST', ['jobs', cluster, id, 'rerun'], wanted);

  compare = (jobs: string[]): Promise<messages.IComparison> =>
    this.get(['comparison'], { job: jobs });

  /** Return where a job is downloaded as a notebook. */
  notebookUrl = (cluster: string, id: number): string =>
    routeUrl(this.settings, ['jobs', cluster, id, 'notebook']);

  /** Return the log's bytes from an offset; with `follow` they come until the job has ended. */
  log = (
    cluster: string,
    id: number,
    offset: number,
    follow: boolean,
    signal?: AbortSignal
  ): Promise<Response> => {
    const query = { offset, ...(follow ? { follow: 1 } : {}) };
    const url = routeUrl(this.settings, ['jobs', cluster, id, 'log'], query);
    return request(this.settings, url, { signal });
  };

  /** Return some bytes of the log; the header X-Log-Size tells how many it has. */
  logPart = (cluster: string, id: number, offset: number, limit: number): Promise<Response> =>
    request(
      this.settings,
      routeUrl(this.settings, ['jobs', cluster, id, 'log'], { offset, limit })
    );

  curves = (cluster: string, id: number): Promise<messages.ICurves> =>
    this.get(['jobs', cluster, id, 'curves']);

  notebookPlace = (path: string, cell: string): Promise<messages.INotebookPlace> =>
    this.get(['notebook'], { path, cell });

  /** Return what this user's jobs have as their user; asked until there is an answer. */
  user = (): Promise<string> => {
    this._user ??= this.about().then(about => about.user);
    this._user.catch(() => (this._user = null));
    return this._user;
  };

  /** Return where a job's whole log is downloaded, as it is then. */
  logUrl = (cluster: string, id: number): string =>
    routeUrl(this.settings, ['jobs', cluster, id, 'log'], { download: 1 });

  /** Return all models; undefined where they are as those with that tag. */
  models = (known?: string): Promise<messages.IModelRegistry | undefined> =>
    this.get(['models'], { known });

  model = (name: string, version: string): Promise<messages.IModel> =>
    this.get(['models', name, version]);

  yaml = (name: string, version: string): Promise<messages.IModelYaml> =>
    this.get(['models', name, version, 'yaml']);

  diff = (one: string, other: string): Promise<messages.IModelDiff> =>
    this.get(['diff'], { one, other });

  register = (wanted: messages.IRegistration): Promise<messages.IModel> =>
    this.send('POST', ['models'], wanted);

  checkRegistration = (wanted: messages.IRegistration): Promise<messages.IRegistrationCheck> =>
    this.send('POST', ['registration', 'check'], wanted);

  draft = (job?: string, name?: string): Promise<messages.IRegistrationDraft> =>
    this.get(['registration', 'draft'], { job, name });

  describe = (name: string, version: string, description: string): Promise<messages.IModel> =>
    this.send('PUT', ['models', name, version, 'description'], { description });

  unregister = (name: string, version: string): Promise<void> =>
    this.send('DELETE', ['models', name, version]);

  setAlias = (name: string, alias: string, version: string): Promise<messages.IModel> =>
    this.send('PUT', ['aliases', name, alias], { version });

  deleteAlias = (name: string, alias: string): Promise<void> =>
    this.send('DELETE', ['aliases', name, alias]);

  repository = (path: string): Promise<messages.IRepositoryFolder> =>
    this.get(['repository'], { path });

  deployments = (): Promise<messages.IDeploymentList> => this.get(['deployments']);

  newDeployment = (wanted: messages.INewDeployment): Promise<messages.IDeployment> =>
    this.send('POST', ['deployments'], wanted);

  setMembers = (cluster: string, members: number): Promise<messages.IDeployment> =>
    this.send('PUT', ['deployments', cluster, 'members'], { members });

  deploy = (cluster: string, name: string, version: string): Promise<messages.IDeployment> =>
    this.send('PUT', ['deployments', cluster, 'models', name, version]);

  undeploy = (cluster: string, name: string, version: string): Promise<messages.IDeployment> =>
    this.send('DELETE', ['deployments', cluster, 'models', name, version]);

  form = (cluster: string, name: string, version: string): Promise<messages.IPredictForm> =>
    this.get(['deployments', cluster, 'models', name, version, 'form']);

  predict = (
    cluster: string,
    name: string,
    version: string,
    scoring_args: unknown
  ): Promise<messages.IPrediction> =>
    this.send('POST', ['deployments', cluster, 'models', name, version, 'predict'], {
      scoring_args
    });

  private get<T>(
    parts: (string | number)[],
    query: { [name: string]: string | number | string[] | undefined } = {}
  ): Promise<T> {
    return requestJson(this.settings, routeUrl(this.settings, parts, query));
  }

  private send<T>(method: string, parts: (string | number)[], body?: unknown): Promise<T> {
    return requestJson(this.settings, routeUrl(this.settings, parts), method, body);
  }
}
