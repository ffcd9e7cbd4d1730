/// The hooks' shell scripts, made from the table of ``RefPolicy``. What they print reaches the person who pushes.
enum HookText {
    /// The program that judges what a `git-annex` ref holds; it gets the arguments of an update hook.
    static let checkVariable = "ANNEXD_CHECK"
    /// `yes` where the pusher may rewrite and delete.
    static let rewriteVariable = "ANNEXD_MAY_REWRITE"
    /// The refs that were refused before git saw the push, one a line.
    static let refusedVariable = "ANNEXD_REFUSED"

    /// `pre-receive` for a push whose commands were all accepted by their names. It refuses the whole push where git
    /// has read one that would not have been.
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
        done
        exit 0

        """

    /// `pre-receive` where each ref is judged by itself.
    static let objects = """
        \(beginning)
        \(objectCheck)
        exit 0

        """

    /// `update` is asked for each ref on its own, so a refused one leaves the others alone (spec 02 #42). It sees the
    /// pushed objects in receive-pack's quarantine.
    static let each = """
        \(beginning)
        name=$1 old=$2 new=$3
        forward() {
            absent "$old" || git merge-base --is-ancestor "$old" "$new"
        }
        check() {
            [ -n "$\(checkVariable)" ] || refuse "what was pushed could not be checked"
            # Threads reserve more memory than they use, and the program bounds what it starts.
            (ulimit -S -d unlimited 2>/dev/null; exec "$\(checkVariable)" check-push "$1" "$old" "$new")
            case $? in
            0) return ;;
            1) exit 1 ;;
            esac
            refuse "what was pushed could not be checked; the host's log may tell more"
        }
        \(judgement)
        judge "$name"
        # What a symbolic ref points to moves with it.
        next=$name
        for depth in 1 2 3 4 5 6; do
            [ -h "$next" ] && refuse "it is a link"
            pointed "$next" || break
            [ "$depth" = 6 ] && refuse "it is a symbolic ref that leads too far"
            next=$target
            judge "$next"
        done
        case "
        $\(refusedVariable)
        " in
        *"
        $name
        "*) refuse "it was refused before" ;;
        esac
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

    /// Git holds every object but files in memory as a whole, in each clone again, and a megabyte of equal bytes takes
    /// a kilobyte in a push.
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

    /// The table as a function of the name of a ref. Accepting it returns; refusing it ends the hook.
    static let judgement: String = {
        let lines = RefPolicy.table.map { kind, refs in
            "    \(refs.map(\.text).joined(separator: " | ")))\n\(action(kind))        ;;\n"
        }
        return "judge() {\n    case $1 in\n\(lines.joined())"
            + "    *) refuse \"\(RefPolicy.unknownRef)\" ;;\n    esac\n}"
    }()

    private static func action(_ kind: RefPolicy.Kind) -> String {
        let mayRewrite = "[ \"$\(rewriteVariable)\" = yes ]"
        let isNoAlias = "[ \"$1\" = \"$name\" ] || refuse \"\(RefPolicy.alias)\""
        let steps =
            switch kind {
            case .annexBranch:
                [
                    isNoAlias, "! absent \"$new\" || refuse \"\(RefPolicy.deletion)\"",
                    "forward || refuse \"\(RefPolicy.rewind)\"", "check \"$1\"",
                ]
            case .hostsOwn: ["refuse \"\(RefPolicy.hostsOwn)\""]
            case .tracking: ["refuse \"\(RefPolicy.trackingRef)\""]
            case .clonesOwn: ["refuse \"\(RefPolicy.clonesOwn)\""]
            case .otherAnnex: ["refuse \"\(RefPolicy.otherRef)\""]
            case .merged:
                [
                    isNoAlias, "if absent \"$new\"; then",
                    "    \(mayRewrite) || refuse \"\(RefPolicy.deletionTakesWrite)\"", "else", "    check \"$1\"", "fi",
                ]
            case .history:
                [
                    "\(mayRewrite) && return",
                    "! absent \"$new\" || refuse \"\(RefPolicy.deletionTakesWrite)\"",
                    "forward || refuse \"\(RefPolicy.rewriteTakesWrite)\"",
                ]
            case .fixed:
                [
                    "\(mayRewrite) && return",
                    "! absent \"$new\" || refuse \"\(RefPolicy.deletionTakesWrite)\"",
                    "absent \"$old\" || refuse \"\(RefPolicy.changeTakesWrite)\"",
                ]
            }
        return steps.map { "        \($0)\n" }.joined()
    }
}
