// A language model that streams its answers: time to first token, tokens a second, gaps.

import { Counter, Trend } from 'k6/metrics';
import { ensure, stream, transaction } from 'swell';

export const options = {
  vus: 4,
  thresholds: {
    time_to_first_token_ms: ['p(90)<2000'],
    tokens_per_second: ['avg>5'],
  },
};

const tokens = new Counter('tokens');
const firstToken = new Trend('time_to_first_token_ms');
const gap = new Trend('gap_ms');
const whole = new Trend('answer_ms');
const perSecond = new Trend('tokens_per_second');

const question = JSON.stringify({
  model: __ENV.MODEL ?? 'gpt-4o-mini',
  stream: true,
  messages: [{ role: 'user', content: 'What is a load test? Answer in one sentence.' }],
});
const headers = { 'content-type': 'application/json' };
if (__ENV.API_KEY) headers.authorization = `Bearer ${__ENV.API_KEY}`;

export default function () {
  transaction('answer', () => {
    const answer = stream('/v1/chat/completions', { method: 'POST', headers, body: question });
    ensure(answer.status === 200, 'the model refuses to answer');

    const came = [];
    for (const event of answer.events()) {
      // The last word of the protocol, and none of the model.
      if (event.data === '[DONE]') continue;
      const { choices } = JSON.parse(event.data);
      if (choices.some((choice) => choice.delta.content)) came.push(event.after);
    }
    measure(came);
  });
}

// Of the moments at which tokens came, in milliseconds after the question.
function measure(came) {
  ensure(came.length > 0, 'an answer without a token');
  const first = came[0];
  const last = came.at(-1);
  tokens.add(came.length);
  firstToken.add(first);
  whole.add(last);
  for (let i = 1; i < came.length; i += 1) gap.add(came[i] - came[i - 1]);
  if (last > first) perSecond.add(((came.length - 1) / (last - first)) * 1000);
}
