# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Part of scripts/vitesse: the archive of parsed classes from which the JVM starts sooner. It is one for class data sharing
# (CDS); an AOT cache of JDK 25 keeps less here, neither lambdas nor picocli, since it links no classes ahead of time where
# there is an incubator module, as the Vector API is.

# Whether this command may start from an archive of classes: with other modules or another memory layout than it was made
# with, the JVM refuses it.
archives_classes() {
    local option
    [ "${VITESSE_CLASS_CACHE:-}" != off ] && [ -n "${XDG_CACHE_HOME:-}${HOME:-}" ] && ! uses_tornado "$@" || return 1
    for option in ${VITESSE_JAVA_OPTS:-}; do
        case $option in
            -D* | -Xm*) ;;
            *) return 1 ;;
        esac
    done
}

# The file for the archive of this JDK, class path and memory; a file .stamp beside it says when it was made.
class_archive() {
    local key
    key=$({ printf '%s\n' "$jdk" "$jar" "${VITESSE_JAVA_OPTS:-}" && cat -- "$jdk/release" "$class_path"; } | cksum)
    printf '%s/vitesse/classes-%s.jsa\n' "${XDG_CACHE_HOME:-$HOME/.cache}" "${key// /-}"
}

# Whether the archive $1 is as it was made, after all that went into it.
fresh() {
    [ -f "$1" ] && [ "$1.stamp" -nt "$jar" ] && [ "$1.stamp" -nt "$class_path" ] &&
        ! [ "$1" -nt "$1.stamp" ] && ! [ "$1" -ot "$1.stamp" ]
}

# Makes the archive $1 with the JVM options that follow, in the folder $2. Classes as old as those of the libraries that
# are left out here can only be archived while nothing refers to them. All of it lets other programs go first (nice).
write_archive() {
    local archive=$1 work=$2
    shift 2
    local java=(nice -n 19 "$jdk/bin/java" "$@" -cp "$jar:$(cat -- "$class_path")")
    mkdir -- "$work/tour" &&
        "${java[@]}" "-XX:DumpLoadedClassList=$work/all" dev.vitesse.cli.ClassTour "$work/tour" &&
        grep -vE '^@.*(picocli|commons/math3)' "$work/all" >"$work/list" &&
        "${java[@]}" -Xshare:dump "-XX:SharedClassListFile=$work/list" "-XX:SharedArchiveFile=$work/archive" &&
        "${java[@]}" -Xshare:on "-XX:SharedArchiveFile=$work/archive" -version &&
        touch -r "$archive.lock" -- "$work/archive" "$work/stamp" &&
        mv -f -- "$work/stamp" "$archive.stamp" &&
        mv -f -- "$work/archive" "$archive"
}

# Makes the archive $1 with the JVM options that follow, once the process that this one becomes has ended: the user
# waits for nothing. One process at a time; where it fails or is killed, its lock keeps others from trying for a day.
archive_afterwards() {
    local archive=$1 folder=${1%/*} work seconds
    shift
    trap '' HUP INT
    mkdir -p -- "$folder" && find "$folder" -maxdepth 1 -name 'classes-*.lock' -mtime +0 -exec rmdir -- {} \;
    mkdir -- "$archive.lock" || return 0
    for ((seconds = 0; seconds < 600; seconds++)); do
        kill -0 $$ || break
        sleep 1
    done
    if [ "$seconds" -lt 600 ]; then
        # Archives of JDKs and projects that have gone. What is still in use is made again.
        find "$folder" -maxdepth 1 -name 'classes-*' -mtime +30 -exec rm -rf -- {} \;
        work=$(mktemp -d "$archive.XXXXXX") || return 0
        write_archive "$archive" "$work" "$@" || seconds=failed
        rm -rf -- "$work"
    fi
    [ "$seconds" = failed ] || rmdir -- "$archive.lock"
}
