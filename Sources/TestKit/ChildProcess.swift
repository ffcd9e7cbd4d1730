import Foundation
import Synchronization

/// A running program in a process group of its own, its output going to files.
public final class ChildProcess: Sendable {
    /// The process id, which is also the id of its process group.
    public let pid: Int32
    private let command: Command
    private let folder: String
    private let ended = Mutex<Int32?>(nil)

    init(_ command: Command) throws {
        self.command = command
        let program = try command.locateProgram()
        var template = Array("\(ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp")/annexd-cmd-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TestKitError(.system, "mkdtemp: errno \(errno)") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if !command.input.isEmpty {
            try Data(command.input).write(to: URL(fileURLWithPath: "\(folder)/in"))
        }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let output = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, 0, command.input.isEmpty ? "/dev/null" : "\(folder)/in", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, "\(folder)/out", output, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, "\(folder)/err", output, 0o600)

        for (index, descriptor) in command.descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, 3 + Int32(index))
        }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
        posix_spawnattr_setflags(&attributes, Int16(flags))

        // The shell changes the directory, since Glibc's overlay has no spawn action for it, and gives way.
        let words = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", command.directory, program]
        let all = words + command.arguments.dropFirst()
        var arguments: [UnsafeMutablePointer<CChar>?] = all.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = command.environment.map { strdup("\($0)=\($1)") } + [nil]
        defer {
            for pointer in arguments + variables { free(pointer) }
        }
        var child: pid_t = 0
        let status = posix_spawn(&child, words[0], &actions, &attributes, &arguments, &variables)
        guard status == 0 else {
            throw TestKitError(.system, "spawn \(program) in \(command.directory): errno \(status)")
        }
        pid = child
    }

    /// What standard output holds so far.
    public var output: [UInt8] { contents("out") }
    /// What standard error holds so far.
    public var errors: [UInt8] { contents("err") }

    private func contents(_ name: String) -> [UInt8] {
        [UInt8](FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data())
    }

    /// The exit status (128 plus the signal that ended it) if the program has ended.
    public var status: Int32? {
        ended.withLock { known in
            if known == nil {
                var raw: Int32 = 0
                if waitpid(pid, &raw, WNOHANG) == pid {
                    let signal = raw & 0x7f
                    known = signal == 0 ? (raw >> 8) & 0xff : 128 + signal
                }
            }
            return known
        }
    }

    /// Sends a signal to the program alone.
    public func signal(_ number: Int32) {
        ended.withLock { known in
            if known == nil { kill(pid, number) }
        }
    }

    /// Sends a signal to the program and everything it started, as a terminal's Ctrl-C does.
    public func signalGroup(_ number: Int32) {
        kill(-pid, number)
    }

    /// Waits for the end, killing the process group when `seconds` have passed.
    public func finish(within seconds: Double = 300) -> CommandResult {
        var timedOut = false
        if !eventually(within: seconds, { status != nil }) {
            timedOut = true
            signalGroup(SIGKILL)
            _ = eventually(within: 10) { status != nil }
        }
        return CommandResult(
            arguments: command.arguments, directory: command.directory, status: status ?? -1, timedOut: timedOut,
            output: output, errors: errors)
    }

    deinit {
        if status == nil {
            kill(-pid, SIGKILL)
            var raw: Int32 = 0
            waitpid(pid, &raw, 0)
        }
        try? FileManager.default.removeItem(atPath: folder)
    }
}
