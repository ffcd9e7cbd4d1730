/// The hooks' shell scripts, made from the table of ``RefPolicy``. What they print reaches the person who pushes.
enum HookText {
    /// The program that judges what `git-annex` refs hold: it gets `OLD NEW REF` in lines, and prints `REF REASON` for each that
    /// must not move.
    static let checkVariable = "ANNEXD_CHECK"
    /// `yes` where the pusher may rewrite and delete.
    static let rewriteVariable = "ANNEXD_MAY_REWRITE"
    /// The refs that were refused before git saw the push, one a line.
    static let refusedVariable = "ANNEXD_REFUSED"
    /// The folder of hooks that is this push's alone, where it has one.
    static let folderVariable = "ANNEXD_PUSH"

    /// `pre-receive` for a push whose commands were all accepted by their names. It refuses the whole push where git has read
    /// one that would not have been.
    static let whole = """
        \(beginning)
        \(objectCheck)
        differs() {
            refuse "git and annexd read the commands of this push differently"
        }
        forward() {
            absent "$old" || differs
        }
        check() {
            differs
        }
        \(judgement)
        while read -r old new name; do
            if [ -h "$name" ] || pointed "$name"; then
                differs
            fi
            judge "$name"
            [ -z "$reason" ] || refuse "$reason"
        done
        exit 0

        """

    /// `pre-receive` for a push of which each ref has to be looked at. All are judged here, in one process and before any object
    /// leaves the quarantine. Where all are accepted, `update` has nothing to do and goes away; else it finds the verdicts.
    static let judging = """
        \(beginning)
        \(objectCheck)
        forward() {
            absent "$old" || git merge-base --is-ancestor "$old" "$new"
        }
        checked=
        check() {
            checked="$checked$old $new $1
        "
        }
        verdicts=
        note() {
            verdicts="$verdicts$1 $2
        "
        }
        \(judgement)
        while read -r old new name; do
            judge "$name"
            # What a symbolic ref points to moves with it.
            next=$name
            for depth in 1 2 3 4 5 6; do
                [ -z "$reason" ] || break
                if [ -h "$next" ]; then
                    reason="it is a link"
                    break
                fi
                pointed "$next" || break
                if [ "$depth" = 6 ]; then
                    reason="it is a symbolic ref that leads too far"
                    break
                fi
                next=$target
                judge "$next"
            done
            if [ -z "$reason" ]; then
                case "
        $\(refusedVariable)
        " in
                *"
        $name
        "*) reason="it was refused before" ;;
                esac
            fi
            [ -z "$reason" ] || note "$name" "$reason"
        done
        if [ -n "$checked" ]; then
            name="this push"
            [ -n "$\(checkVariable)" ] || refuse "what was pushed could not be checked"
            # Threads reserve more memory than they use, and the program bounds what it starts.
            refused=$(
                ulimit -S -d unlimited 2>/dev/null
                printf %s "$checked" | exec "$\(checkVariable)" check-push
            ) || refuse "what was pushed could not be checked; the host's log may tell more"
            [ -z "$refused" ] || verdicts="$verdicts$refused
        "
        fi
        if [ -z "$verdicts" ]; then
            rm -f "$\(folderVariable)/update" && exit 0
        fi
        name="this push"
        printf %s "$verdicts" >"$\(folderVariable)/verdicts" || refuse "the host could not write down its verdict"
        exit 0

        """

    /// `update` is asked for each ref on its own, so a refused one leaves the others alone (spec 02 #42).
    static let verdict = """
        \(beginning)
        name=$1
        [ -f "$\(folderVariable)/verdicts" ] || refuse "it has not been judged"
        while read -r ref reason; do
            [ "$ref" != "$name" ] || refuse "$reason"
        done <"$\(folderVariable)/verdicts"
        exit 0

        """

    private static let beginning = """
        #!/bin/sh
        # Written by annexd; changes are overwritten.
        refuse() {
            echo "annexd: $name is refused: $1" >&2
            exit 1
        }
        absent() {
            case $1 in
            *[!0]*) return 1 ;;
            esac
        }
        # Whether a ref is a symbolic one; what it points to is then the target.
        pointed() {
            [ -f "$1" ] || return 1
            read -r start target <"$1" || [ -n "$start" ] || return 1
            case $start in
            ref:) ;;
            ref:*) target=${start#ref:} ;;
            *) return 1 ;;
            esac
        }
        """

    /// Git holds every object but files in memory as a whole, in each clone again, and a megabyte of equal bytes takes a
    /// kilobyte in a push.
    private static let objectCheck = """
        sizes() {
            GIT_ALTERNATE_OBJECT_DIRECTORIES= git cat-file --batch-all-objects --unordered \\
                --batch-check='%(objectsize) %(objecttype)' || echo failed
        }
        name="this push"
        if [ -n "$GIT_QUARANTINE_PATH" ]; then
            case $(sizes | grep -E -m 1 '^[0-9]{8,} (commit|tag)$|^[0-9]{9,} tree$|^failed$') in
            '') ;;
            *tree) refuse "it has a folder of 100 MB and more, as a tree object" ;;
            failed) refuse "its objects could not be looked at" ;;
            *) refuse "it has a commit or tag of 10 MB and more" ;;
            esac
        fi
        """

    /// The table as a function of the name of a ref. The reason is then empty, or why the ref is refused.
    static let judgement: String = {
        let lines = RefPolicy.table.map { kind, refs in
            "    \(refs.map(\.text).joined(separator: " | ")))\n\(action(kind))        ;;\n"
        }
        return "judge() {\n    reason=\n    case $1 in\n\(lines.joined())"
            + "    *) reason=\"\(RefPolicy.unknownRef)\" ;;\n    esac\n}"
    }()

    /// What must hold, and why the ref is refused if it does not.
    private static func demand(_ condition: String, else reason: String) -> String {
        "\(condition) || { reason=\"\(reason)\"; return; }"
    }

    private static func action(_ kind: RefPolicy.Kind) -> String {
        let mayRewrite = "[ \"$\(rewriteVariable)\" = yes ]"
        let isNoAlias = demand("[ \"$1\" = \"$name\" ]", else: RefPolicy.alias)
        let steps =
            switch kind {
            case .annexBranch:
                [
                    isNoAlias, demand("! absent \"$new\"", else: RefPolicy.deletion),
                    demand("forward", else: RefPolicy.rewind), "check \"$1\"",
                ]
            case .hostsOwn: ["reason=\"\(RefPolicy.hostsOwn)\""]
            case .otherAnnex: ["reason=\"\(RefPolicy.otherRef)\""]
            case .merged:
                [
                    isNoAlias, "if absent \"$new\"; then",
                    "    \(demand(mayRewrite, else: RefPolicy.deletionTakesWrite))", "else", "    check \"$1\"", "fi",
                ]
            case .history:
                [
                    "\(mayRewrite) && return", demand("! absent \"$new\"", else: RefPolicy.deletionTakesWrite),
                    demand("forward", else: RefPolicy.rewriteTakesWrite),
                ]
            case .fixed:
                [
                    "\(mayRewrite) && return", demand("! absent \"$new\"", else: RefPolicy.deletionTakesWrite),
                    demand("absent \"$old\"", else: RefPolicy.changeTakesWrite),
                ]
            }
        return steps.map { "        \($0)\n" }.joined()
    }
}
