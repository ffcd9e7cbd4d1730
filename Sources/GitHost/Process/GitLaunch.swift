import Glibc

/// How git is started: under a bound on its memory, and so that it does not outlive us.
enum GitLaunch {
    /// A program and the first of its arguments that starts git with what follows.
    ///
    /// The children of git inherit the bound. `ulimit -d` (RLIMIT_DATA) counts what a process allocates, and not its
    /// mappings of files. The soft limit alone is set, so that a hook can lift it for what is not git.
    static func command(_ memory: GitMemory) -> (program: String, arguments: [String]) {
        let bound = memory.mebibytes.map { "ulimit -S -d \($0 << 10) 2>/dev/null; " } ?? ""
        guard endsWithUs || memory.mebibytes != nil else { return ("git", []) }
        return ("sh", ["-c", bound + (endsWithUs ? tied : "exec") + " git \"$@\"", "sh"])
    }

    /// Has the kernel send SIGTERM when we are gone, be it by `kill -9`: a git that waits in the file system for ever
    /// would not notice the end of its input. At SIGTERM git removes its temporary files and locks.
    ///
    /// It is the end of the thread that has started the process which counts; all are started by one that lives as long
    /// as we do.
    private static let tied = "exec setpriv --pdeathsig TERM"

    /// Whether the machine's `setpriv` (util-linux) can do that; the one of BusyBox cannot.
    private static let endsWithUs = system("\(tied) true >/dev/null 2>&1") == 0
}
