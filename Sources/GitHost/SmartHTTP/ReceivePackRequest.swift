/// The beginning of a push: what it wants to do to which refs, read from the body without losing a byte of it.
///
/// Feed it the body chunk by chunk until ``isComplete``; then forward ``forwarded`` and the rest of the body to git
/// (gitprotocol-pack(5), "Reference Update Request and Packfile Transfer").
///
/// What has two readings is refused, and git gets what was understood, written anew: a push must not be one thing to
/// whoever decides about it and another to git.
public struct ReceivePackRequest: Sendable {
    /// One requested change of a ref.
    public struct Command: Sendable, Hashable {
        /// Object ids in hexadecimal; all zeros where the ref does not exist before or after.
        public var old: String
        public var new: String
        /// The full name of the ref.
        public var ref: [UInt8]

        public init(old: String, new: String, ref: [UInt8]) {
            self.old = old
            self.new = new
            self.ref = ref
        }

        public var isCreation: Bool { old.utf8.allSatisfy { $0 == UInt8(ascii: "0") } }
        public var isDeletion: Bool { new.utf8.allSatisfy { $0 == UInt8(ascii: "0") } }
    }

    /// Why the body is not the beginning of a push.
    public enum Failure: Error, Sendable, Hashable {
        /// The packets hold something that git would not understand either, or not as we do.
        case malformed(String)
        /// A capability that no answer to `info/refs` offers.
        case notOffered(String)
        /// The commands take more than the limit.
        case tooLarge
        /// The body ended before the commands did.
        case truncated
    }

    /// In the order of the request.
    public private(set) var commands: [Command] = []
    public private(set) var capabilities: [String] = []
    /// Object ids of the client's shallow boundary.
    public private(set) var shallow: [String] = []
    public private(set) var pushOptions: [[UInt8]] = []
    /// How many bytes were fed so far.
    public var count: Int { received.count }
    /// Whether the commands, and push options if there are any, have been read to their end.
    public var isComplete: Bool { state == .pack }

    private enum State { case commands, options, pack }

    private var state = State.commands
    private var position = 0
    private var received: [UInt8] = []
    private let limit: Int

    /// - Parameter limit: how many bytes commands and push options may take; those of some 40,000 refs by default.
    public init(limit: Int = 4 << 20) { self.limit = limit }

    /// Takes the next chunk of the body, however it is cut; answers whether the commands are complete.
    public mutating func receive(_ chunk: some Collection<UInt8>) throws(Failure) -> Bool {
        received.append(contentsOf: chunk)
        while !isComplete, let packet = try nextPacket() { try take(packet) }
        if !isComplete && received.count > limit || position > limit { throw .tooLarge }
        return isComplete
    }

    /// Says that the body has ended. A body of nothing but a flush, which git sends to probe authentication, is fine.
    public mutating func finish() throws(Failure) {
        guard isComplete else { throw .truncated }
    }

    /// What git is to read in place of all that was fed: the commands as they were understood, and what came behind
    /// them.
    public var forwarded: [UInt8] {
        var bytes: [UInt8] = []
        for id in shallow { bytes += PacketLine.encode(Array("shallow \(id)\n".utf8)) }
        for (index, command) in commands.enumerated() {
            var line = Array("\(command.old) \(command.new) ".utf8) + command.ref
            if index == 0 { line += [0] + Array(" \(capabilities.joined(separator: " "))\n".utf8) }
            bytes += PacketLine.encode(line)
        }
        bytes += PacketLine.flush
        if capabilities.contains("push-options") {
            for option in pushOptions { bytes += PacketLine.encode(option) }
            bytes += PacketLine.flush
        }
        return bytes + received[position...]
    }

    /// The payload of the next packet; an empty optional inside is a flush. Nil until it has arrived whole.
    private mutating func nextPacket() throws(Failure) -> ArraySlice<UInt8>?? {
        guard received.count - position >= 4 else { return nil }
        guard let length = PacketLine.length(received[position..<position + 4]), length <= PacketLine.longest,
            length == 0 || length >= 4
        else { throw .malformed("bad packet length") }
        if length == 0 {
            position += 4
            return .some(nil)
        }
        guard received.count - position >= length else { return nil }
        defer { position += length }
        return .some(received[position + 4..<position + length])
    }

    private mutating func take(_ packet: ArraySlice<UInt8>?) throws(Failure) {
        switch (state, packet) {
        case (.commands, nil):
            state = capabilities.contains("push-options") ? .options : .pack
        case (.commands, let line?): try takeCommand(line)
        case (.options, let line?):
            if line.contains(0) { throw .malformed("NUL in a push option") }
            pushOptions.append(Array(line.withoutNewline))
        case (.options, nil): state = .pack
        case (.pack, _): break
        }
    }

    private mutating func takeCommand(_ packet: ArraySlice<UInt8>) throws(Failure) {
        var line = packet.withoutNewline
        if let end = packet.firstIndex(of: 0) {
            // Git takes those of the last packet that has any, up to the next NUL.
            guard commands.isEmpty else { throw .malformed("capabilities behind the first command") }
            line = packet[..<end]
            try takeCapabilities(packet[(end + 1)...].withoutNewline)
        }
        // A push certificate (gitprotocol-pack(5), "Push Certificate") has the commands in lines of its own, which
        // packets may cut anywhere. Git takes one although it has offered no nonce for it.
        if line.elementsEqual("push-cert".utf8) { throw .notOffered("push-cert") }
        if line.starts(with: "shallow ".utf8) {
            guard !packet.contains(0), commands.isEmpty else { throw .malformed("shallow behind the first command") }
            shallow.append(try objectID(line.dropFirst(8)))
        } else {
            commands.append(try command(line))
        }
    }

    private mutating func takeCapabilities(_ bytes: ArraySlice<UInt8>) throws(Failure) {
        guard bytes.allSatisfy({ 0x20...0x7e ~= $0 }) else { throw .malformed("bad capabilities") }
        capabilities = String(decoding: bytes, as: UTF8.self).split(separator: " ").map(String.init)
        for capability in capabilities {
            let name = capability.prefix { $0 != "=" }
            guard Self.offered.contains(String(name)) else { throw .notOffered(String(name.prefix(40))) }
        }
    }

    /// What receive-pack of any git since 2.0 offers, and we let it offer. `push-cert` is not among them.
    private static let offered: Set = [
        "report-status", "report-status-v2", "delete-refs", "side-band-64k", "quiet", "atomic", "ofs-delta", "no-thin",
        "push-options", "object-format", "agent", "session-id",
    ]

    private func command(_ line: ArraySlice<UInt8>) throws(Failure) -> Command {
        let parts = line.split(separator: 32, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[2].isEmpty, !parts[2].contains(10) else { throw .malformed("bad command") }
        return Command(old: try objectID(parts[0]), new: try objectID(parts[1]), ref: Array(parts[2]))
    }

    private func objectID(_ bytes: ArraySlice<UInt8>) throws(Failure) -> String {
        guard bytes.count == 40 || bytes.count == 64, bytes.allSatisfy({ $0.hexadecimalDigit != nil }) else {
            throw .malformed("bad object id")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension ArraySlice<UInt8> {
    fileprivate var withoutNewline: ArraySlice<UInt8> { last == 10 ? dropLast() : self }
}
