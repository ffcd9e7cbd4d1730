public import Logging

/// A swift-log handler that writes one line per event, in logfmt or JSON: time, level, message, then the metadata
/// sorted by name. It has value semantics, as swift-log asks.
public struct LineLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?

    private let format: LogFormat
    private let output: LogOutput
    private let clock: @Sendable () -> Timestamp

    /// - Parameters:
    ///   - level: The lowest level that is written.
    ///   - clock: The time of each line; tests pass a fixed one.
    public init(
        format: LogFormat = .logfmt,
        level: Logger.Level = .info,
        output: LogOutput = .standardError,
        metadataProvider: Logger.MetadataProvider? = nil,
        clock: @escaping @Sendable () -> Timestamp = Timestamp.now
    ) {
        self.format = format
        logLevel = level
        self.output = output
        self.metadataProvider = metadataProvider
        self.clock = clock
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var fields = metadata
        if let provided = metadataProvider?.get() {
            fields.merge(provided) { _, new in new }
        }
        // The call site knows best, so its values win.
        if let given = event.metadata {
            fields.merge(given) { _, new in new }
        }
        if let error = event.error, fields["error"] == nil {
            fields["error"] = .string(String(describing: error))
        }
        output.emit { dropped in
            if dropped > 0 { fields["dropped"] = .stringConvertible(dropped) }
            let message = event.message.description
            return LogLine(time: clock(), level: event.level, message: message, metadata: fields).text(as: format)
        }
    }
}
