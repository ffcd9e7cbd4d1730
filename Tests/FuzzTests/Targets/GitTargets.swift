import AnnexProtocol
import CZlib

@testable import GitHost

/// What git clients send, and git's configuration files.
let gitTargets = [
    FuzzTarget("gunzip") { input in
        let whole = Inflated([input.bytes[...]])
        let pieces = Inflated(input.pieces)
        try require(whole.content.count <= Inflated.limit, "the limit is kept")
        try require(
            whole.content.count <= max(Gunzip.unratedSize, (input.bytes.count + 1) * Gunzip.largestRatio),
            "\(input.bytes.count) bytes became \(whole.content.count)")
        // How much zlib has taken when it is asked decides which piece of a bomb is the last.
        if whole.failure == .tooLarge || pieces.failure == .tooLarge { return }
        try requireEqual(pieces.failure, whole.failure, "pieces end as the whole does")
        // What came out before an error depends on how much of it there was at once.
        if whole.failure == nil { try requireEqual(pieces.content, whole.content, "the content of pieces") }
    },
    // The input compressed: with the first byte odd in two members, and with the last bytes as they are behind it.
    FuzzTarget("gunzip-valid") { input in
        let middle = input.bytes.first.map { $0 & 1 == 1 ? input.bytes.count / 2 : 0 } ?? 0
        let packed = (middle > 0 ? gzip(input.bytes[..<middle]) : []) + gzip(input.bytes[middle...])
        let whole = Inflated(FuzzInput(packed).pieces)
        try requireEqual(whole, Inflated([packed[...]]), "pieces are read as the whole is")
        try requireEqual(whole.content, input.bytes, "what was compressed")
        try requireEqual(whole.failure, nil, "a whole body")
        if packed.count > 1 {
            try requireEqual(Inflated([packed.dropLast()]).failure, .truncated, "a body without its last byte")
        }
    },
    FuzzTarget("receive-pack") { input in
        let whole = Push([input.bytes[...]])
        try requireEqual(Push(input.pieces), whole, "pieces are read as the whole is")
        let request = whole.request
        guard whole.failure == nil else { return }
        let policy = RefPolicy(mayRewrite: true)
        for command in request.commands {
            try require([40, 64].contains(command.old.utf8.count), "an object id")
            let parts = command.ref.split(separator: 47).map { String(decoding: $0, as: UTF8.self) }
            guard parts.last == "git-annex" else { continue }
            let isHarmless = command.isDeletion && command.ref != Array("refs/heads/git-annex".utf8)
            try require(isHarmless || policy.verdict(on: command) != .accept, "\(parts) is looked into, or refused")
        }
        let again = Push([request.forwarded[...]])
        try requireEqual(again.failure, nil, "the request written anew")
        try requireEqual(again.request.commands, request.commands, "the commands written anew")
        try requireEqual(again.request.capabilities, request.capabilities, "the capabilities written anew")
        try requireEqual(again.request.pushOptions, request.pushOptions, "the options written anew")
    },
    FuzzTarget("ref-question") { input in
        guard let question = RefQuestion(input.bytes) else { return }
        let isAboutAll = question.prefixes.isEmpty || question.prefixes.contains(Array("refs/heads/".utf8))
        try require(!(isAboutAll && question.namesRefs), "a question about all branches names none")
        guard question.prefixes.allSatisfy({ $0.count < 60_000 }) else { return }
        let lines = question.prefixes.map { Array("ref-prefix ".utf8) + $0 + [10] }
        let head = PacketLine.encode(Array("command=ls-refs\n".utf8)) + Array("0001".utf8)
        let again = head + lines.flatMap { PacketLine.encode($0) } + PacketLine.flush
        try requireEqual(RefQuestion(again), question, "the question written anew")
    },
    FuzzTarget("git-protocol") { input in
        let asked = GitProtocol(header: input.text)
        try require((0...2).contains(asked.version) && asked.value.utf8.count <= 256, "a version that git knows")
        try require(
            asked.value.utf8.allSatisfy { $0.isASCIILetter || $0.isASCIIDigit || "-._=:".utf8.contains($0) },
            "nothing else reaches the environment")
        try requireEqual(GitProtocol(header: asked.value), asked, "what was understood, written anew")
    },
    FuzzTarget("git-config") { input in
        guard let config = try? GitConfig(parsing: input.bytes) else { return }
        for entry in config.entries {
            let key = String(decoding: entry.key, as: UTF8.self)
            guard key.utf8.elementsEqual(entry.key) else { continue }
            let all = config.all(key)
            try require(all.contains(entry.value ?? []), "\(key) is found by its name")
            try requireEqual(config.bytes(key), all.last, "the last value of \(key)")
            _ = (config.int(key), config.bool(key))
        }
        guard let text = config.written else { return }
        try requireEqual(try GitConfig(parsing: text).entries, config.entries, "the settings written anew")
    },
]

/// A compressed body, as a request reads it.
private struct Inflated: Equatable {
    static let limit = 4 << 20
    var content: [UInt8] = []
    var failure: Gunzip.Failure?

    init(_ pieces: [ArraySlice<UInt8>]) {
        do {
            var gunzip = try Gunzip(limit: Self.limit)
            for piece in pieces {
                gunzip.feed(Array(piece))
                while let content = try gunzip.next() { self.content += content }
            }
            try gunzip.finish()
        } catch {
            failure = error
        }
    }
}

private func gzip(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: bytes.count + bytes.count / 8 + 64) { room, count in
        count = bytes.withUnsafeBytes { annexd_gzip($0.baseAddress, $0.count, room.baseAddress, room.count) }
    }
}

/// The beginning of a push, as a request reads it.
private struct Push: Equatable {
    var request = ReceivePackRequest()
    var failure: ReceivePackRequest.Failure?

    init(_ pieces: [ArraySlice<UInt8>]) {
        do {
            for piece in pieces where try request.receive(piece) { break }
            try request.finish()
        } catch {
            failure = error
        }
    }

    /// What was read; how much of the pack came along depends on the pieces.
    static func == (left: Push, right: Push) -> Bool {
        left.failure == right.failure && left.request.commands == right.request.commands
            && left.request.capabilities == right.request.capabilities
            && left.request.shallow == right.request.shallow && left.request.pushOptions == right.request.pushOptions
            && left.request.isComplete == right.request.isComplete
    }
}

extension GitConfig {
    /// The settings as a file; nil where one stands in no section, or in one that only the old form can name.
    fileprivate var written: [UInt8]? {
        var text: [UInt8] = []
        for entry in entries {
            let dot = UInt8(ascii: ".")
            guard let first = entry.key.firstIndex(of: dot), let last = entry.key.lastIndex(of: dot), first > 0 else {
                return nil
            }
            text += [UInt8(ascii: "[")] + entry.key[..<first]
            if last > first {
                text += Array(" \"".utf8)
                for byte in entry.key[(first + 1)..<last] {
                    if byte == 10 { return nil }
                    if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { text.append(UInt8(ascii: "\\")) }
                    text.append(byte)
                }
                text.append(UInt8(ascii: "\""))
            }
            text += Array("]\n\t".utf8) + entry.key[(last + 1)...]
            if let value = entry.value {
                text += Array(" = \"".utf8)
                for byte in value {
                    switch byte {
                    case 10: text += Array("\\n".utf8)
                    case UInt8(ascii: "\""), UInt8(ascii: "\\"): text += [UInt8(ascii: "\\"), byte]
                    default: text.append(byte)
                    }
                }
                text.append(UInt8(ascii: "\""))
            }
            text.append(10)
        }
        return text
    }
}
