/// What is reported of a push at its end (gitprotocol-pack(5), "Report Status").
public struct PushReport: Sendable, Hashable {
    /// What became of the objects: `ok`, or why they could not be taken.
    public var unpack: String
    /// What became of the refs, in their order.
    public var refs: [Ref]

    public struct Ref: Sendable, Hashable {
        public var name: [UInt8]
        /// Why it was refused; nil where it was accepted.
        public var refusal: String?
        /// Lines of `report-status-v2` that follow.
        public var options: [[UInt8]] = []

        public init(name: [UInt8], refusal: String?) {
            self.name = name
            self.refusal = refusal
        }
    }

    public init(unpack: String, refs: [Ref]) {
        self.unpack = unpack
        self.refs = refs
    }

    /// The report of a push that was refused as a whole.
    public init(refusing request: ReceivePackRequest, _ reason: String) {
        unpack = reason
        refs = request.commands.map { Ref(name: $0.ref, refusal: "the push was refused") }
    }

    /// Reads packets up to the flush at their end; nil for anything else.
    init?(parsing bytes: [UInt8]) {
        var rest = bytes[...]
        var lines: [ArraySlice<UInt8>] = []
        while true {
            guard rest.count >= 4, let length = PacketLine.length(rest.prefix(4)), length != 1, length <= rest.count
            else {
                return nil
            }
            if length == 0 {
                guard rest.count == 4 else { return nil }
                break
            }
            guard length > 4 else { return nil }
            let line = rest.prefix(length).dropFirst(4)
            lines.append(line.last == 10 ? line.dropLast() : line)
            rest = rest.dropFirst(length)
        }
        guard let first = lines.first, first.starts(with: "unpack ".utf8) else { return nil }
        self.init(unpack: String(decoding: first.dropFirst(7), as: UTF8.self), refs: [])
        for line in lines.dropFirst() {
            if line.starts(with: "option ".utf8), !refs.isEmpty {
                refs[refs.count - 1].options.append(Array(line))
                continue
            }
            let words = line.split(separator: 32, maxSplits: 2)
            if words.count == 2, words[0].elementsEqual("ok".utf8) {
                refs.append(Ref(name: Array(words[1]), refusal: nil))
            } else if words.count == 3, words[0].elementsEqual("ng".utf8) {
                refs.append(Ref(name: Array(words[1]), refusal: String(decoding: words[2], as: UTF8.self)))
            } else {
                return nil
            }
        }
    }

    /// The packets, with the flush at their end.
    var encoded: [UInt8] {
        var bytes = PacketLine.encode(Array("unpack \(unpack)\n".utf8))
        for ref in refs {
            let line =
                if let refusal = ref.refusal { Array("ng ".utf8) + ref.name + Array(" \(refusal)\n".utf8) } else {
                    Array("ok ".utf8) + ref.name + [10]
                }
            bytes += PacketLine.encode(line)
            for option in ref.options { bytes += PacketLine.encode(option + [10]) }
        }
        return bytes + PacketLine.flush
    }
}
