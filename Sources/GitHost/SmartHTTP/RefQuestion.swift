/// What a client of version 2 wants to know in its first request to `git-upload-pack` (gitprotocol-v2(5), `ls-refs`).
public struct RefQuestion: Sendable, Hashable {
    /// Beginnings of full names of refs; none for all.
    var prefixes: [[UInt8]] = []

    /// Reads the start of a request body; nil where that is another command, or not whole.
    public init?(_ body: [UInt8]) {
        var rest = body[...]
        var isFirst = true
        while rest.count >= 4, let length = PacketLine.length(rest.prefix(4)) {
            if length == 0 {
                if isFirst { return nil }
                return
            }
            // Between the capabilities and the arguments.
            if length == 1 {
                rest = rest.dropFirst(4)
                continue
            }
            guard length >= 4, length <= rest.count else { return nil }
            var line = rest.prefix(length).dropFirst(4)
            if line.last == 10 { line.removeLast() }
            if isFirst, !line.elementsEqual("command=ls-refs".utf8) { return nil }
            isFirst = false
            let prefix = Array("ref-prefix ".utf8)
            if line.starts(with: prefix) { prefixes.append(Array(line.dropFirst(prefix.count))) }
            rest = rest.dropFirst(length)
        }
        return nil
    }

    /// Whether it is about certain refs, as in `git fetch REMOTE BRANCH`, and not about what there is, as in `git
    /// clone`.
    public var namesRefs: Bool {
        let heads = Array("refs/heads/".utf8)
        return !prefixes.contains(heads)
            && prefixes.contains { $0 != Array("HEAD".utf8) && $0.last != UInt8(ascii: "/") }
    }

    /// The answer where there is none of them.
    public static let noRefs = PacketLine.flush

    /// What ends the client's command with a sentence.
    public static func refusal(_ sentence: String) -> [UInt8] {
        PacketLine.encode(Array("ERR \(sentence)\n".utf8))
    }
}
