public import Subprocess
import SystemPackage

/// The two pipes of a running git process.
public struct GitProcess: Sendable {
    let writer: StandardInputWriter
    /// What the process prints, as it prints it.
    public let output: SubprocessOutputSequence

    /// Writes all bytes, waiting while the process does not read. A process that stopped reading is not an error here:
    /// its exit status tells more.
    public func write(_ bytes: [UInt8]) async throws {
        var rest = bytes
        while !rest.isEmpty {
            let count: Int
            do {
                count = try await writer.write(rest)
            } catch {
                if error.underlyingError == Errno.brokenPipe { return }
                throw error
            }
            if count == 0 { return }
            rest.removeFirst(count)
        }
    }

    /// Tells the process that no more input comes.
    public func finish() async throws { try await writer.finish() }

    func write(all bytes: [UInt8]) async throws {
        try await write(bytes)
        try await finish()
    }
}
