import { afterEach, beforeEach, expect, test, vi } from 'vitest';

import type { Api } from '../src/api';
import type { IRegistration, IRegistrationCheck } from '../src/messages';
import { CHECK_AFTER_MS, RegistrationForm } from '../src/model/registrationForm';
import { RequestError } from '../src/request';
import { someModel } from './someModels';

/** A server with one registered version, taxi/1, which knows the file models/x only. */
class Server {
  readonly checked: IRegistration[] = [];
  readonly written: IRegistration[] = [];
  free = '2';
  refuses: Error | null = null;
  isDown = false;

  draft = async (job = '', name = ''): Promise<any> => ({
    registration: { name: name || (job && 'taxi'), version: '', path: job && 'models/x', job },
    paths: job ? ['models/x'] : [],
    scripts: [],
    note: ''
  });

  checkRegistration = async (wanted: IRegistration): Promise<IRegistrationCheck> => {
    if (this.isDown) {
      throw new Error('down');
    }
    this.checked.push(wanted);
    const problems = [];
    if (!wanted.name) {
      problems.push({ field: 'name', message: 'It has no name.' });
    }
    if (wanted.version === '1') {
      problems.push({ field: 'version', message: 'It is taken.' });
    }
    if (wanted.path !== 'models/x') {
      problems.push({ field: 'path', message: 'Nothing is there.' });
    }
    return {
      ...{ problems, configmap: `taxi-${wanted.version}`, yaml: 'kind: ConfigMap' },
      ...{ size_bytes: 1, limit_bytes: 2, free_version: this.free }
    };
  };

  register = async (wanted: IRegistration): Promise<any> => {
    if (this.refuses) {
      throw this.refuses;
    }
    this.written.push(wanted);
    return someModel(wanted.version);
  };
}

let server: Server;
let form: RegistrationForm;

beforeEach(() => {
  vi.useFakeTimers();
  server = new Server();
  form = new RegistrationForm(server as unknown as Api);
});
afterEach(() => vi.useRealTimers());

async function typed(): Promise<void> {
  await vi.advanceTimersByTimeAsync(CHECK_AFTER_MS);
}

test('an empty form complains of nothing before somebody has typed or registered', async () => {
  await form.begin();
  expect(form.problem('name')).toBe('');
  form.set('name', 'x');
  form.set('name', '');
  await typed();
  expect(form.problem('name')).toBe('It has no name.');
  expect(form.problem('path')).toBe('');
  expect(await form.register()).toBeUndefined();
  expect(form.problem('path')).toBe('Nothing is there.');
  expect(server.written).toEqual([]);
});

test('a job fills it in, and the next free version is proposed', async () => {
  await form.begin('train/9');
  expect(form.fields).toMatchObject({ name: 'taxi', version: '2', path: 'models/x' });
  expect(form.suggested.paths).toEqual(['models/x']);
  expect(form.isGood).toBe(true);
  expect(form.check?.configmap).toBe('taxi-2');
});

test('what is typed before a slow server has answered stays', async () => {
  let answer: () => void = () => undefined;
  const { draft } = server;
  server.draft = async (job, name) => {
    await new Promise<void>(done => (answer = done));
    return draft(job, name);
  };
  const begun = form.begin('train/9');
  form.set('name', 'mine');
  answer();
  await begun;
  expect(form.fields).toMatchObject({ name: 'mine', path: 'models/x', version: '2' });
});

test('what is typed is asked for once, after the last key', async () => {
  await form.begin('train/9');
  const before = server.checked.length;
  for (const name of ['t', 'ta', 'tax']) {
    form.set('name', name);
  }
  await typed();
  expect(server.checked.length).toBe(before + 1);
});

test('a version that somebody typed stays', async () => {
  await form.begin('train/9');
  form.set('version', '1');
  await typed();
  expect(form.fields.version).toBe('1');
  expect(form.problem('version')).toBe('It is taken.');
});

test('an answer that comes late does not replace a newer one', async () => {
  await form.begin('train/9');
  let answer: () => void = () => undefined;
  const slow = server.checkRegistration;
  server.checkRegistration = async wanted => {
    const found = await slow(wanted);
    if (wanted.path === 'slow') {
      await new Promise<void>(done => (answer = done));
    }
    return found;
  };
  form.set('path', 'slow');
  await typed();
  form.set('path', 'models/x');
  await typed();
  answer();
  await typed();
  expect(form.problem('path')).toBe('');
});

test('it is written once, and a change makes it another', async () => {
  await form.begin('train/9');
  expect((await form.register())?.version).toBe('2');
  expect(form.registered).not.toBeNull();
  form.set('description', 'other');
  expect(form.registered).toBeNull();
});

test('who is too late for a version is told at the version, and may take the next', async () => {
  await form.begin('train/9');
  server.refuses = new RequestError(409, 'VersionTaken', 'taxi/2 is registered by another.');
  expect(await form.register()).toBeUndefined();
  expect(form.problem('version')).toBe('taxi/2 is registered by another.');
  expect(form.isGood).toBe(false);
  server.refuses = null;
  form.set('version', '3');
  await typed();
  expect(form.problem('version')).toBe('');
  expect((await form.register())?.version).toBe('3');
});

test('a server that is down is told, and nothing is lost', async () => {
  await form.begin('train/9');
  server.isDown = true;
  form.set('description', 'kept');
  await typed();
  expect(form.error?.message).toBe('down');
  expect(await form.register()).toBeUndefined();
  server.isDown = false;
  expect(await form.register()).toBeDefined();
  expect(server.written[0].description).toBe('kept');
});
