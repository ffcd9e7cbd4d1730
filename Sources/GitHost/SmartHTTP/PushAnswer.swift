/// Takes apart what `git receive-pack` says to a push: what people are to see goes on at once, and the report at the
/// end is held, so that it can be made true and be put in words first (gitprotocol-pack(5), "Packet-Line Format" of a
/// side band).
public struct PushAnswer: Sendable {
    /// What git has said about each lock that it did not get, by ref: who was faster, or what is in the way.
    public private(set) var lockFailures: [[UInt8]: String] = [:]
    /// The last lines in which git or a hook has told of an error.
    public private(set) var errors: [String] = []

    private let hasSideband: Bool
    private let hasReport: Bool
    /// A packet that has not come whole.
    private var packet: [UInt8] = []
    private var report: [UInt8] = []
    /// A line for people that has not come whole.
    private var line: [UInt8] = []
    /// Whether git says something that is not understood here: it all goes on as it is.
    private var isOpaque = false

    /// In bytes; that of a push with as many refs as are taken at all is smaller.
    private static let largestReport = 32 << 20
    private static let rememberedErrors = 50

    public init(to request: ReceivePackRequest) {
        hasSideband = request.capabilities.contains("side-band-64k")
        hasReport = request.capabilities.contains { $0 == "report-status" || $0 == "report-status-v2" }
    }

    /// Whether the client is told what becomes of its push.
    public var takesReport: Bool { hasReport }

    /// Takes the next bytes from git; returns what is to be sent now.
    public mutating func receive(_ bytes: [UInt8]) -> [UInt8] {
        if isOpaque { return bytes }
        guard hasReport else { return bytes }
        guard hasSideband else {
            report += bytes
            return report.count > Self.largestReport ? giveUp() : []
        }
        packet += bytes
        var sent: [UInt8] = []
        var start = packet.startIndex
        while packet.endIndex - start >= 4 {
            guard let length = PacketLine.length(packet[start..<start + 4]), length == 0 || length > 4 else {
                packet.removeFirst(start)
                return sent + giveUp()
            }
            if length == 0 {
                // It comes again behind the report.
                start += 4
                continue
            }
            guard packet.endIndex - start >= length else { break }
            let content = packet[start + 5..<start + length]
            switch packet[start + 4] {
            case 1: report += content
            case 2: sent += content.isEmpty ? Array(packet[start..<start + length]) : take(content)
            default: sent += endLine() + packet[start..<start + length]
            }
            start += length
            if report.count > Self.largestReport {
                packet.removeFirst(start)
                return sent + giveUp()
            }
        }
        packet.removeFirst(start)
        return sent
    }

    /// Says that git has ended.
    ///
    /// - Returns: the report, to be sent with ``close(_:saying:)``; nil where there is none, and `rest` is to be sent
    ///   instead.
    public mutating func end() -> (rest: [UInt8], report: PushReport?) {
        guard !isOpaque, hasReport, packet.isEmpty, let parsed = PushReport(parsing: report) else {
            return (isOpaque ? [] : giveUp(), nil)
        }
        return (endLine(), parsed)
    }

    /// The end of an answer: sentences for the person who pushes, and the report.
    public func close(_ report: PushReport, saying sentences: [String]) -> [UInt8] {
        guard hasSideband else { return hasReport ? report.encoded : [] }
        var bytes: [UInt8] = []
        for sentence in sentences { bytes += Self.encode(band: 2, Array("annexd: \(sentence)\n".utf8)[...]) }
        if hasReport { bytes += Self.encode(band: 1, report.encoded[...]) }
        return bytes + PacketLine.flush
    }

    /// What was held, as it came.
    private mutating func giveUp() -> [UInt8] {
        isOpaque = true
        defer { (packet, report) = ([], []) }
        guard hasSideband else { return report }
        var bytes = endLine()
        if !report.isEmpty { bytes += Self.encode(band: 1, report[...]) + PacketLine.flush }
        return bytes + packet
    }

    /// Lines that are about a lock say no more than that somebody was faster; what that means is told at the end.
    private mutating func take(_ text: ArraySlice<UInt8>) -> [UInt8] {
        line += text
        var shown: [UInt8] = []
        var rest = line[...]
        while let end = rest.firstIndex(where: { $0 == 10 || $0 == 13 }) {
            let whole = rest[...end]
            rest = rest[(end + 1)...]
            if let (ref, reason) = Self.lockFailure(whole.dropLast()) {
                lockFailures[ref] = reason
                continue
            }
            note(whole.dropLast())
            shown += whole
        }
        line = Array(rest)
        if line.count > PacketLine.longest {
            shown += line
            line = []
        }
        return shown.isEmpty ? [] : Self.encode(band: 2, shown[...])
    }

    private mutating func endLine() -> [UInt8] {
        defer { line = [] }
        note(line[...])
        return line.isEmpty ? [] : Self.encode(band: 2, line[...])
    }

    private mutating func note(_ line: ArraySlice<UInt8>) {
        guard line.starts(with: "error: ".utf8) || line.starts(with: "fatal: ".utf8) else { return }
        if errors.count == Self.rememberedErrors { errors.removeFirst() }
        errors.append(String(decoding: line.prefix(500), as: UTF8.self))
    }

    /// `error: cannot lock ref 'REF': REASON`
    private static func lockFailure(_ line: ArraySlice<UInt8>) -> (ref: [UInt8], reason: String)? {
        let start = Array("error: cannot lock ref '".utf8)
        guard line.starts(with: start) else { return nil }
        let rest = line.dropFirst(start.count)
        guard let end = rest.firstIndex(of: UInt8(ascii: "'")), rest[end...].starts(with: "': ".utf8) else {
            return nil
        }
        return (Array(rest[..<end]), String(decoding: rest[(end + 3)...], as: UTF8.self))
    }

    private static func encode(band: UInt8, _ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = bytes
        while !rest.isEmpty {
            let part = rest.prefix(PacketLine.longest - 5)
            rest = rest.dropFirst(part.count)
            result += PacketLine.encode([band] + part)
        }
        return result
    }
}
