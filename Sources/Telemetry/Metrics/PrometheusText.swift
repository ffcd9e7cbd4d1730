/// Builds a page in the Prometheus text exposition format 0.0.4.
struct PrometheusText {
    private(set) var text = ""

    mutating func header(_ name: String, _ type: String, _ help: String) {
        text += "# HELP \(name) \(escaped(help, quotes: false))\n# TYPE \(name) \(type)\n"
    }

    mutating func sample(_ name: String, _ labels: [(name: String, value: String)], _ value: Double) {
        text += name
        if !labels.isEmpty {
            text +=
                "{" + labels.map { "\($0.name)=\"\(escaped($0.value, quotes: true))\"" }.joined(separator: ",") + "}"
        }
        text += " " + Self.number(value) + "\n"
    }

    mutating func histogram(
        _ name: String, _ labels: [(name: String, value: String)], bounds: [Double], _ snapshot: Histogram.Snapshot
    ) {
        var below = 0
        for (bound, count) in zip(bounds + [.infinity], snapshot.counts) {
            below += count
            sample(name + "_bucket", labels + [("le", Self.number(bound))], Double(below))
        }
        sample(name + "_sum", labels, snapshot.sum)
        sample(name + "_count", labels, Double(below))
    }

    /// Whole numbers without a fraction, and the format's own words for what is not finite.
    static func number(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        if let whole = Int(exactly: value) { return String(whole) }
        return String(value)
    }

    private func escaped(_ text: String, quotes: Bool) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\"" where quotes: result += "\\\""
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }
}
