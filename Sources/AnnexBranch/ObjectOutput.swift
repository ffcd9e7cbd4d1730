import GitHost

/// Reads lines, records and counted bytes from what a git process prints.
struct ObjectOutput {
    private var iterator: GitOutputStream.AsyncIterator
    private var buffer: [UInt8] = []
    private var position = 0

    init(_ process: GitProcess) { iterator = process.output.makeAsyncIterator() }

    /// The bytes up to `end`, which is dropped; nil at the end of the output.
    mutating func record(endingWith end: UInt8) async throws -> [UInt8]? {
        var start = position
        while true {
            if let found = buffer[start...].firstIndex(of: end) {
                let result = Array(buffer[position..<found])
                position = found + 1
                return result
            }
            let scanned = buffer.count - position
            guard try await more() else {
                if scanned == 0 { return nil }
                throw ended
            }
            start = position + scanned
        }
    }

    mutating func bytes(_ count: Int) async throws -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        while result.count < count {
            if position == buffer.count, try await !more() { throw ended }
            let end = min(buffer.count, position + count - result.count)
            result += buffer[position..<end]
            position = end
        }
        return result
    }

    mutating func skip(_ count: Int) async throws {
        var left = count
        while left > 0 {
            if position == buffer.count, try await !more() { throw ended }
            let step = min(buffer.count - position, left)
            position += step
            left -= step
        }
    }

    /// Reads and drops whatever is left.
    mutating func drain() async throws {
        while try await iterator.next() != nil {}
    }

    private mutating func more() async throws -> Bool {
        guard let chunk = try await iterator.next() else { return false }
        buffer.removeFirst(position)
        position = 0
        chunk.withUnsafeBytes { buffer.append(contentsOf: $0) }
        return true
    }

    private var ended: AnnexBranchError {
        AnnexBranchError(code: .unexpectedContent, message: "git stopped in mid answer")
    }
}
