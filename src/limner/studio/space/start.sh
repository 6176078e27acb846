#!/bin/sh
# What the Space does when it starts.  With persistent storage (/data) accounts and pictures outlive a restart.
set -eu

folder="$HOME/limner"
if [ -w /data ]; then
    folder=/data/limner
fi
mkdir -p "$folder"
export LIMNER_HOME="$folder/home"
class="$folder/course.toml"
if [ ! -e "$class" ]; then
    sed "s|@ADDRESS@|https://$SPACE_HOST|" course.toml > "$class"
fi

if ! python -m limner studio people list --folder "$folder" | grep -q ' instructor  *active '; then
    if [ -n "${INSTRUCTOR_MAIL:-}" ]; then
        python -m limner studio people begin "${INSTRUCTOR_NAME:-Instructor}" "$INSTRUCTOR_MAIL" \
            --class "$class" --folder "$folder"
    else
        echo "Nobody can come in yet: set the secret INSTRUCTOR_MAIL in the Space's settings, and restart it." >&2
    fi
fi
exec python -m limner studio --class "$class" --host 0.0.0.0 --port 7860 --folder "$folder" --device cpu
