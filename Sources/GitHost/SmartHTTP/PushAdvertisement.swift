/// Changes what `git receive-pack` advertises: that there are no refs, and what it takes.
///
/// A repository's `receive.certNonceSeed`, which nothing on git's command line takes away, makes it offer signed
/// pushes. They are refused (``ReceivePackRequest``), so they are not offered.
///
/// Where there are no refs, git sends a line for a ref called `capabilities^{}`, with a name of zeros. A client whose
/// repository has the other object format does not know that line for what it is, and ends with `protocol error:
/// unexpected capabilities^{}`. So it becomes a `.have` line with an object that nobody has, which all clients pass
/// over. A client of another format then says that the receiving end does not support it; and where the repository is
/// yet to be made, it is told that both will do.
struct PushAdvertisement {
    /// Formats that are offered besides the one that git tells.
    private let offered: [ObjectFormat]
    private var held: [UInt8] = []
    private var isDone = false

    init(offering offered: [ObjectFormat]) { self.offered = offered }

    /// Takes the next bytes of the advertisement; answers what is to be sent now.
    mutating func receive(_ bytes: [UInt8]) -> [UInt8] {
        if isDone { return bytes }
        held += bytes
        var sent: [UInt8] = []
        while held.count >= 4, !isDone {
            guard let length = PacketLine.length(held[..<4]), length > 4 else { return sent + rest() }
            guard held.count >= length else { break }
            let line = Array(held[4..<length])
            if line.starts(with: "version ".utf8) {
                sent += held[..<length]
                held.removeFirst(length)
                continue
            }
            let ours = withoutCertificates(line)
            if let changed = changed(ours ?? line) ?? ours {
                held.replaceSubrange(..<length, with: PacketLine.encode(changed))
            }
            sent += rest()
        }
        return sent
    }

    /// What is left when git has said all.
    mutating func rest() -> [UInt8] {
        isDone = true
        defer { held = [] }
        return held
    }

    /// Nil where they are not offered.
    private func withoutCertificates(_ line: [UInt8]) -> [UInt8]? {
        guard let end = line.firstIndex(of: 0) else { return nil }
        let capabilities = line[(end + 1)...].split(separator: 32, omittingEmptySubsequences: false)
        let kept = capabilities.filter { !$0.starts(with: "push-cert=".utf8) }
        if kept.count == capabilities.count { return nil }
        var result = Array(line[...end] + kept.joined(separator: [32]))
        // It may have been the last one, with the end of the line.
        if line.last == 10, result.last != 10 { result.append(10) }
        return result
    }

    private func changed(_ line: [UInt8]) -> [UInt8]? {
        let id = line.prefix { $0 == UInt8(ascii: "0") }
        let dummy = Array(" capabilities^{}\0".utf8)
        guard id.count >= 40, line[id.endIndex...].starts(with: dummy) else { return nil }
        var capabilities = Array(line[(id.endIndex + dummy.count)...])
        if capabilities.last == 10 { capabilities.removeLast() }
        for format in offered { capabilities += Array(" object-format=\(format.rawValue)".utf8) }
        return Array(repeating: UInt8(ascii: "f"), count: id.count) + Array(" .have\0".utf8) + capabilities + [10]
    }
}
