import Logging

/// How log lines are written.
public enum LogFormat: String, Sendable, CaseIterable {
    /// `time=… level=info msg="object stored" bytes=12`
    case logfmt

    /// One JSON object a line with the same fields.
    case json
}

/// One log line as a value: the constant message, and what varies as metadata.
struct LogLine {
    var time: Timestamp
    var level: Logger.Level
    var message: String
    var metadata: Logger.Metadata

    /// The line with its line feed.
    func text(as format: LogFormat) -> String {
        switch format {
        case .logfmt: logfmt
        case .json: json
        }
    }

    private var logfmt: String {
        var line = "time=\(time) level=\(level.rawValue) msg="
        line += Quoting.logfmt(message)
        for (key, value) in fields {
            line += " " + Quoting.fieldName(key) + "=" + Quoting.logfmt(plainText(value))
        }
        return line + "\n"
    }

    private var json: String {
        var line = "{\"time\":\"\(time)\",\"level\":\"\(level.rawValue)\",\"msg\":" + Quoting.json(message)
        for (key, value) in fields {
            line += "," + Quoting.json(Quoting.fieldName(key)) + ":" + jsonText(value)
        }
        return line + "}\n"
    }

    /// The metadata by name. Names that the line itself uses get an underscore, so that no value can pose as the level.
    private var fields: [(String, Logger.Metadata.Value)] {
        metadata
            .map { key, value in (Self.isReserved(key) ? key + "_" : key, value) }
            .sorted { $0.0 < $1.0 }
    }

    private static func isReserved(_ key: String) -> Bool { key == "time" || key == "level" || key == "msg" }

    private func plainText(_ value: Logger.Metadata.Value) -> String {
        switch value {
        case .string(let text): text
        case .stringConvertible(let value): value.description
        case .array, .dictionary: jsonText(value)
        }
    }

    private func jsonText(_ value: Logger.Metadata.Value) -> String {
        switch value {
        case .string(let text): return Quoting.json(text)
        case .stringConvertible(let value):
            let isBare = value is any FixedWidthInteger || value is Bool
            return isBare ? value.description : Quoting.json(value.description)
        case .array(let values): return "[" + values.map(jsonText).joined(separator: ",") + "]"
        case .dictionary(let values):
            let pairs = values.sorted { $0.key < $1.key }.map { Quoting.json($0.key) + ":" + jsonText($0.value) }
            return "{" + pairs.joined(separator: ",") + "}"
        }
    }
}
