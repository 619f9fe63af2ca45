import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import type { IErrorBody } from './messages';

/** The part of the server's URL below which all routes of the sidebar are. */
const ROOT = 'kd-magics';

/** The server refused, or could not do what it was asked; the message is a sentence for people. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    readonly type: string,
    message: string
  ) {
    super(message);
  }
}

/** The server could not be reached. */
export class ServerDown extends Error {}

/** Return the URL of a route: its parts are encoded, query values that are undefined left out. */
export function routeUrl(
  settings: ServerConnection.ISettings,
  parts: (string | number)[],
  query: { [name: string]: string | number | string[] | undefined } = {}
): string {
  const path = parts.map(part => encodeURIComponent(String(part)));
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) {
      [value].flat().forEach(one => search.append(name, String(one)));
    }
  }
  const text = search.toString();
  return URLExt.join(settings.baseUrl, ROOT, ...path) + (text ? `?${text}` : '');
}

/** Ask the server; throws RequestError where it refuses, ServerDown where it does not answer. */
export async function request(
  settings: ServerConnection.ISettings,
  url: string,
  init: RequestInit = {}
): Promise<Response> {
  let response: Response;
  try {
    // With its default, 'no-store', JupyterLab adds a time to the query, which no route knows.
    response = await ServerConnection.makeRequest(url, { cache: 'no-cache', ...init }, settings);
  } catch (error) {
    if (init.signal?.aborted) {
      throw error;
    }
    throw new ServerDown('The Jupyter server does not answer; it may have been stopped.');
  }
  if (!response.ok) {
    throw await refusal(response);
  }
  return response;
}

/** Ask the server for JSON; an answer without content is undefined. */
export async function requestJson<T>(
  settings: ServerConnection.ISettings,
  url: string,
  method = 'GET',
  body?: unknown,
  signal?: AbortSignal
): Promise<T> {
  const init: RequestInit = { method, signal };
  if (body !== undefined) {
    init.body = JSON.stringify(body);
    init.headers = { 'Content-Type': 'application/json' };
  }
  const response = await request(settings, url, init);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

async function refusal(response: Response): Promise<RequestError> {
  const text = await response.text();
  try {
    const { error } = JSON.parse(text) as IErrorBody;
    return new RequestError(response.status, error.type, error.message);
  } catch {
    const told =
      response.status === 404
        ? 'The server part of kd-magics is not enabled: jupyter server extension enable jupyter_extension.'
        : `The Jupyter server answered ${response.status} ${response.statusText}.`;
    return new RequestError(response.status, 'ServerError', told);
  }
}
