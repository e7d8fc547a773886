// Talks with the command that served this page. Everything lies beside it, behind the run's token.

const BEAT_MS = 2000;

let session = '';
let beats;
let leaving = false;

/** Introduce this page; from then on the command knows that it is there. Calls `onEnd` once it is not. */
export async function sayHello(facts, onEnd) {
  const answer = await fetch('messages', post({ kind: 'hello', ...facts })).catch(unreachable);
  if (answer.status === 409) {
    throw new Error('Another page was started before this one, and a run takes only one. '
      + 'Run the command again for a new address.');
  }
  await check(answer);
  ({ session } = await answer.json());
  beats = setInterval(() => { tell({ kind: 'beat' }).catch((error) => leaving || onEnd(error)); }, BEAT_MS);
  window.addEventListener('pagehide', closed);
}

/** Send the last message. Until it has arrived, the page says that it is there, or that it is being closed. */
export async function tellLast(message) {
  leaving = true; // the command ends with it, and need not answer what is still under way
  await tell(message);
  sayGoodbye();
}

/** The page is done: neither closing it nor the command's end is news any more. */
export function sayGoodbye() {
  leaving = true;
  clearInterval(beats);
  window.removeEventListener('pagehide', closed);
}

function closed() {
  fetch('messages', { ...post({ kind: 'closed' }), keepalive: true }).catch(() => {});
}

/** Send one message. */
export async function tell(message) {
  await check(await fetch('messages', post(message)).catch(unreachable));
}

/** The work to do. */
export async function fetchJob() {
  const answer = await fetch('job.json').catch(unreachable);
  await check(answer);
  return answer.json();
}

/** A file's content, telling `onBytes` how much arrived. */
export async function download(name, onBytes = () => {}) {
  const answer = await fetch(name).catch(unreachable);
  await check(answer);
  const parts = [];
  const reader = answer.body.getReader();
  const next = () => reader.read().catch(unreachable);
  for (let part = await next(); !part.done; part = await next()) {
    parts.push(part.value);
    onBytes(part.value.length);
  }
  return new Blob(parts).arrayBuffer();
}

function post(message) {
  return {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Session': session },
    body: JSON.stringify(message),
  };
}

async function check(answer) {
  if (!answer.ok) throw new Error(`The command answered ${answer.status}. Run it again and open its new address.`);
}

function unreachable() {
  throw new Error('The command can no longer be reached: it has ended, or this device has left the network.');
}
