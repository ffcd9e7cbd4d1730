/// Where finished log lines go.
public struct LogOutput: Sendable {
    /// Asks for one whole line with its line feed, and writes or drops it. What it hands over is the number of lines
    /// that were dropped since the last one that was written; it may ask twice. Called from any thread.
    let emit: @Sendable (_ line: (_ dropped: Int) -> String) -> Void

    /// - Parameter write: takes every line.
    public init(write: @escaping @Sendable (String) -> Void) { emit = { line in write(line(0)) } }

    /// Lines that are dropped where nobody takes them; see ``LineWriter``.
    public init(descriptor: CInt) {
        let writer = LineWriter(descriptor)
        emit = { line in writer.write(line) }
    }

    /// Standard error.
    public static let standardError = LogOutput(descriptor: 2)
}
