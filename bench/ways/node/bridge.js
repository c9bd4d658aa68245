// The best-known consumer of Node as a bridge: events out and results in, in batches, each result
// written to its file. It is told everything by the environment variables of the bridge proper, and
// runs until it is stopped.

import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { SQSClient } from "@aws-sdk/client-sqs";
import { Consumer } from "sqs-consumer";

// Consumers a queue. One waits for its batch before it receives again; more than four gain nothing.
const CONSUMERS = 4;

const settings = process.env;
const lambda = new LambdaClient();
const folders = new Map();

async function invoke(message) {
  await lambda.send(
    new InvokeCommand({
      FunctionName: settings.HYBRIDSPHERE_FUNCTION_NAME,
      InvocationType: "Event",
      Payload: message.Body,
    }),
  );
}

async function keep(message) {
  const result = JSON.parse(message.Body);
  const file = path.join(settings.HYBRIDSPHERE_RESULTS_DIR, `${result.key}.csv`);
  const folder = path.dirname(file);
  if (!folders.has(folder)) {
    folders.set(folder, mkdir(folder, { recursive: true }));
  }
  await folders.get(folder);
  await writeFile(file, result.csv);
}

function consume(queueUrl, handle) {
  const consumer = Consumer.create({
    queueUrl,
    // The other bridges do not compare the digest of a body either; it has come over HTTP.
    sqs: new SQSClient({ md5: false }),
    batchSize: 10,
    visibilityTimeout: 30,
    handleMessageBatch: async (messages) => {
      await Promise.all(messages.map(handle));
      return messages;
    },
  });
  consumer.on("error", (error) => {
    console.error(error);
    process.exit(1);
  });
  consumer.start();
}

for (let number = 0; number < CONSUMERS; number++) {
  consume(settings.HYBRIDSPHERE_INPUT_QUEUE_URL, invoke);
  consume(settings.HYBRIDSPHERE_OUTPUT_QUEUE_URL, keep);
}
