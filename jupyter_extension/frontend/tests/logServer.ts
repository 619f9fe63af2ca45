import { ServerConnection } from '@jupyterlab/services';
import { createServer, IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { Api } from '../src/api';
import type { IJobOutput } from '../src/messages';
import { someJob } from './someJobs';

/** A server that answers one job's routes as the server extension does, and can be troubled. */
export class LogServer {
  log = Buffer.alloc(0);
  outputs: IJobOutput[] = [];
  isRunning = true;
  /** Answer every question with this refusal. */
  refusal: { status: number; message: string } | null = null;
  /** From which byte each stream was asked for. */
  offsets: number[] = [];
  private readonly streams = new Map<ServerResponse, number>();

  private constructor(private readonly server: Server) {
    server.on('request', (request, response) => this.answer(request, response));
  }

  static async start(): Promise<LogServer> {
    const server = createServer();
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    return new LogServer(server);
  }

  get api(): Api {
    const { port } = this.server.address() as AddressInfo;
    return new Api(ServerConnection.makeSettings({ baseUrl: `http://127.0.0.1:${port}/` }));
  }

  print(text: string): void {
    this.log = Buffer.concat([this.log, Buffer.from(text)]);
    for (const [stream, sent] of this.streams) {
      stream.write(this.log.subarray(sent));
      this.streams.set(stream, this.log.length);
    }
  }

  end(): void {
    this.isRunning = false;
    this.streams.forEach((_, stream) => stream.end());
    this.streams.clear();
  }

  /** Break all streams in the middle. */
  cut(): void {
    this.streams.forEach((_, stream) => stream.destroy());
    this.streams.clear();
  }

  get following(): number {
    return this.streams.size;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }

  private answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url!, 'http://localhost');
    const offset = Number(url.searchParams.get('offset'));
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Access-Control-Allow-Headers', '*');
    response.setHeader('Access-Control-Expose-Headers', 'X-Log-Size');
    if (this.refusal) {
      response.statusCode = this.refusal.status;
      response.end(JSON.stringify({ error: { type: 'E', message: this.refusal.message } }));
    } else if (url.pathname.endsWith('/outputs')) {
      const after = Number(url.searchParams.get('after'));
      const found = { outputs: this.outputs.slice(after), next: this.outputs.length };
      response.end(JSON.stringify(found));
    } else if (!url.pathname.endsWith('/log')) {
      const status = this.isRunning ? 'Running' : 'Finished';
      response.end(JSON.stringify(someJob(1, { status, log_size: this.log.length })));
    } else {
      response.setHeader('X-Log-Size', this.log.length);
      this.answerLog(url, offset, response);
    }
  }

  private answerLog(url: URL, offset: number, response: ServerResponse): void {
    if (!url.searchParams.has('follow')) {
      const limit = Number(url.searchParams.get('limit'));
      response.end(this.log.subarray(offset, offset + limit));
      return;
    }
    this.offsets.push(offset);
    response.flushHeaders();
    response.write(this.log.subarray(offset));
    if (this.isRunning) {
      this.streams.set(response, this.log.length);
      response.on('close', () => this.streams.delete(response));
    } else {
      response.end();
    }
  }
}
