"""A log group's tags go with it; moto gives them to the next group of its name.

https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteLogGroup.html
"""

from __future__ import annotations

from moto.logs.models import LogsBackend


def install() -> None:
    """Let tags go with their log group."""
    original = LogsBackend.delete_log_group

    def delete_log_group(self: LogsBackend, log_group_name: str) -> None:
        group = self.groups.get(log_group_name)
        original(self, log_group_name)
        self.tagger.delete_all_tags_for_resource(group.arn)

    LogsBackend.delete_log_group = delete_log_group
