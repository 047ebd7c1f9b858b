// A greeter over gRPC: a call of one message, one whose failure is expected, and a chat over a stream.

import { check } from 'k6';
import { Client, StatusInvalidArgument, Stream } from 'k6/net/grpc';

const client = new Client();
client.load([], 'hello.proto');

export default function () {
  client.connect(__ENV.ADDRESS ?? 'localhost:8080', { plaintext: true });
  const greeting = client.invoke('hello.Greeter/SayHello', { name: 'Ada' }, { metadata: { 'x-lesson': 'grpc' }, timeout: '2s' });
  check(greeting, { 'is greeted by name': (r) => r.message !== null && r.message.text === 'Hello, Ada!' });

  // In k6, too, a call that is refused is an answer; here it fails its transaction.
  const refused = client.invoke('hello.Greeter/SayHello', { name: '' });
  check(refused, { 'says why': (r) => r.status === StatusInvalidArgument && r.error.message === 'nobody is there' });

  chat();
}

// The iteration lasts until the stream has ended.
function chat() {
  const stream = new Stream(client, 'hello.Greeter/Chat');
  let answers = 0;
  stream.on('data', (answer) => {
    answers += 1;
    check(answer, { 'is answered': (a) => a.text === `Hello, ${answers}!` });
    if (answers === 3) stream.end();
    else stream.write({ name: `${answers + 1}` });
  });
  stream.write({ name: '1' });
}
