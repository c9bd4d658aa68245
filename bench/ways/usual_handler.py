"""The usual function: everything is loaded at import, the video is copied whole, and the rest is
done as `usual_videos` does it. It ends as the function proper does: in a CSV and a message.
"""

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote_plus

import boto3

from bench.ways import usual_videos
from hybridsphere.recognition.gallery import Gallery
from hybridsphere.recognition.space import TOLERANCE

_S3, _SQS, _DYNAMODB = boto3.client("s3"), boto3.client("sqs"), boto3.client("dynamodb")
_GALLERY = Gallery.load(Path(os.environ["HYBRIDSPHERE_GALLERY"]))


def handler(event: dict[str, Any], _: object) -> dict[str, Any]:
    """Takes an S3 event of one video; the answer is of the form of the function proper's."""
    s3 = event["Records"][0]["s3"]
    bucket, key = s3["bucket"]["name"], unquote_plus(s3["object"]["key"])
    with TemporaryDirectory() as folder:
        video = Path(folder, "video")
        _S3.download_file(bucket, key, str(video))
        answer = usual_videos.recognise(video, _GALLERY, TOLERANCE)
    student = _student(answer.name) if answer.name else {}
    row = [answer.name or "", student.get("major", ""), student.get("year", "")]
    body = f"name,major,year\r\n{','.join(row)}\r\n"
    _S3.put_object(
        Bucket=os.environ["HYBRIDSPHERE_OUTPUT_BUCKET"], Key=f"{key}.csv", Body=body.encode()
    )
    _SQS.send_message(
        QueueUrl=os.environ["HYBRIDSPHERE_OUTPUT_QUEUE_URL"],
        MessageBody=json.dumps({"key": key, "csv": body}),
    )
    status = "matched" if student else "no_record" if answer.name else answer.status
    return {"videos": [{"status": status}]}


def _student(name: str) -> dict[str, str]:
    table = os.environ["HYBRIDSPHERE_TABLE"]
    answer = _DYNAMODB.get_item(TableName=table, Key={"name": {"S": name}})
    return {field: str(value.get("S", "")) for field, value in answer.get("Item", {}).items()}
