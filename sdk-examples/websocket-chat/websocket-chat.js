// A chat over WebSockets: join a room, say something, hear it come back, leave.

import { check, transaction, user, websocket } from 'swell';

// Each user has a room of its own, so that nobody else is heard in it.
export default function () {
  const chat = websocket.connect(`/chat?room=${user()}`, { name: 'join' });
  for (const number of [1, 2, 3]) say(chat, `message ${number}`);
  transaction('leave', () => chat.close());
}

// The room sends each message to everybody in it, also to who said it: a round trip.
function say(chat, text) {
  transaction('say', () => {
    const answer = JSON.parse(chat.exchange(JSON.stringify({ text })));
    check('heard what was said', answer.text === text);
  });
}
