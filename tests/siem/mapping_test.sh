#!/bin/bash
# docs/siem-mapping.md is what the tables in the code say.
"${TAPIR:?}" outputs --mapping | diff - "$(dirname "$0")/../../docs/siem-mapping.md" >&2 || {
	echo "docs/siem-mapping.md is out of date: tapir outputs --mapping > docs/siem-mapping.md"
	exit 1
}
