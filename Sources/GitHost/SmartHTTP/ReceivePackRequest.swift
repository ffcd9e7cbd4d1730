/// The beginning of a push: what it wants to do to which refs, read from the body without losing a byte of it.
///
/// Feed it the body chunk by chunk until ``isComplete``; then forward ``received`` and the rest of the body to git
/// (gitprotocol-pack(5), "Reference Update Request and Packfile Transfer").
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
        /// The packets hold something that git would not understand either.
        case malformed(String)
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
    /// Every byte fed so far, including those behind the commands.
    public private(set) var received: [UInt8] = []
    /// Whether the commands, and push options if there are any, have been read to their end.
    public var isComplete: Bool { state == .pack }

    private enum State { case commands, certificate, options, pack }

    private var state = State.commands
    private var position = 0
    private var certificate: [UInt8] = []
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
        case (.certificate, let line?): try takeCertificate(line)
        case (.certificate, nil): throw .malformed("push certificate without an end")
        case (.options, let line?): pushOptions.append(Array(line.withoutNewline))
        case (.options, nil): state = .pack
        case (.pack, _): break
        }
    }

    private mutating func takeCommand(_ packet: ArraySlice<UInt8>) throws(Failure) {
        var line = packet
        if let end = packet.firstIndex(of: 0) {
            line = packet[..<end]
            // Git takes the capabilities of the last packet that has any.
            capabilities = String(decoding: packet[(end + 1)...].withoutNewline, as: UTF8.self)
                .split(separator: " ").map(String.init)
        }
        if line.starts(with: "shallow ".utf8) {
            shallow.append(try objectID(line.withoutNewline.dropFirst(8)))
        } else if line.elementsEqual("push-cert".utf8) {
            state = .certificate
        } else {
            commands.append(try command(line.withoutNewline))
        }
    }

    /// The certificate's own lines, up to its signature, hold the commands after an empty line.
    private mutating func takeCertificate(_ packet: ArraySlice<UInt8>) throws(Failure) {
        // Git takes each packet up to a NUL. A ref that ends there for git and later for us would be another ref.
        if packet.contains(0) { throw .malformed("NUL in a push certificate") }
        guard packet.elementsEqual("push-cert-end\n".utf8) else {
            certificate.append(contentsOf: packet)
            return
        }
        state = .commands
        let lines = certificate.split(separator: 10, omittingEmptySubsequences: false)
        guard let blank = lines.firstIndex(where: \.isEmpty) else { throw .malformed("bad push certificate") }
        for line in lines[(blank + 1)...] {
            if line.isEmpty || line.starts(with: "-----BEGIN".utf8) { break }
            commands.append(try command(line))
        }
    }

    private func command(_ line: ArraySlice<UInt8>) throws(Failure) -> Command {
        let parts = line.split(separator: 32, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[2].isEmpty else { throw .malformed("bad command") }
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
