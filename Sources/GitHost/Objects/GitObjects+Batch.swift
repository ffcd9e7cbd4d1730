extension GitObjects {
    /// The content of each object, in the order asked for; nil for what is missing or ambiguous.
    ///
    /// - Parameters:
    ///   - specs: object ids or expressions such as `refs/heads/git-annex:uuid.log`; none holds a newline or NUL.
    ///   - limit: how many bytes all contents together may take; more is a ``GitError``.
    public func batch(contentsOf specs: [[UInt8]], limit: Int = 256 << 20) async throws -> [[UInt8]?] {
        try await reduce(contentsOf: specs, into: (contents: [[UInt8]?](), size: 0)) { state, _, content in
            state.size += content?.count ?? 0
            guard state.size <= limit else { throw Self.tooMuch(limit) }
            state.contents.append(content)
        }.contents
    }

    /// Visits the content of each object, in the order asked for, holding one at a time; nil for what is missing or
    /// ambiguous.
    ///
    /// One `cat-file --batch` serves all; it is fed while its answers are read.
    /// - Parameter objectLimit: the largest object that is read, in bytes; a larger one is a ``GitError``.
    public func reduce<State: Sendable>(
        contentsOf specs: [[UInt8]], into initial: State, objectLimit: Int = 256 << 20,
        _ update: @escaping @Sendable (inout State, Int, [UInt8]?) throws -> Void
    ) async throws -> State {
        guard !specs.isEmpty else { return initial }
        let command = GitCommand(["cat-file", "--batch"], in: gitDirectory)
        guard !specs.contains(where: { $0.contains(10) || $0.contains(0) }) else {
            throw GitError(code: .unexpectedOutput, command: command.name, message: "a name with a newline")
        }
        let result = try await command.stream { process in
            async let written: Void = Self.write(specs, to: process)
            var reader = BatchReader(process.output)
            var state = initial
            for (index, spec) in specs.enumerated() {
                // An early end is told by the exit status below.
                guard let answer = try await reader.next(spec, limit: objectLimit) else { return State?.none }
                try update(&state, index, answer.content)
            }
            try await written
            return state
        }
        guard result.status == 0 else { throw command.failure(result) }
        guard let state = result.output else {
            throw GitError(code: .unexpectedOutput, command: command.name, message: "ended before all was answered")
        }
        return state
    }

    private static func write(_ specs: [[UInt8]], to process: GitProcess) async throws {
        var buffer: [UInt8] = []
        for spec in specs {
            buffer += spec
            buffer.append(10)
            guard buffer.count >= 32 << 10 else { continue }
            guard try await process.write(buffer) else { return }
            buffer.removeAll(keepingCapacity: true)
        }
        try await process.write(all: buffer)
    }

    fileprivate static func tooMuch(_ limit: Int) -> GitError {
        GitError(code: .tooMuchOutput, command: "cat-file --batch", message: "more than \(limit) bytes")
    }
}

/// Reads the answers of `cat-file --batch` (git-cat-file(1), "Batch output").
private struct BatchReader {
    struct Answer {
        var content: [UInt8]?
    }

    private let chunks: GitOutputStream.AsyncIterator
    private var buffer: [UInt8] = []
    private var position = 0

    init(_ output: GitOutputStream) { chunks = output.makeAsyncIterator() }

    /// The answer to one spec; nil when the output ends before it.
    mutating func next(_ spec: [UInt8], limit: Int) async throws -> Answer? {
        guard let header = try await line(longest: spec.count + 256) else { return nil }
        if header.hasSuffix(" missing", after: spec) || header.hasSuffix(" ambiguous", after: spec) {
            return Answer(content: nil)
        }
        let fields = header.split(separator: 32)
        guard fields.count == 3, let size = Int(String(decoding: fields[2], as: UTF8.self)), size >= 0 else {
            throw unexpected(header)
        }
        guard size <= limit else { throw GitObjects.tooMuch(limit) }
        guard try await fill(size + 1) else { return nil }
        let content = Array(buffer[position..<position + size])
        position += size + 1
        return Answer(content: content)
    }

    private mutating func line(longest: Int) async throws -> ArraySlice<UInt8>? {
        var searched = position
        while true {
            if let end = buffer[searched...].firstIndex(of: 10) {
                defer { position = end + 1 }
                return buffer[position..<end]
            }
            let pending = buffer.count - position
            guard pending <= longest else { throw unexpected(buffer[position...]) }
            guard try await fill(pending + 1) else { return nil }
            searched = position + pending
        }
    }

    /// Waits until `count` bytes are there.
    private mutating func fill(_ count: Int) async throws -> Bool {
        guard buffer.count - position < count else { return true }
        buffer.removeFirst(position)
        position = 0
        while buffer.count < count {
            guard let chunk = try await chunks.next() else { return false }
            chunk.withUnsafeBytes { buffer.append(contentsOf: $0) }
        }
        return true
    }

    private func unexpected(_ line: ArraySlice<UInt8>) -> GitError {
        GitError(
            code: .unexpectedOutput, command: "cat-file --batch",
            message: "the line \"\(String(decoding: line.prefix(200), as: UTF8.self))\"")
    }
}

extension ArraySlice<UInt8> {
    fileprivate func hasSuffix(_ suffix: String, after spec: [UInt8]) -> Bool {
        count == spec.count + suffix.utf8.count && starts(with: spec)
            && dropFirst(spec.count).elementsEqual(suffix.utf8)
    }
}
