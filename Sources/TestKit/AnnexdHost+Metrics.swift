extension AnnexdHost {
    /// All gauges and counters without labels, by name, as `/-/metrics` has them now.
    public func metrics() throws -> [String: Int] {
        var values: [String: Int] = [:]
        for line in try http.get("/-/metrics").text.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ")
            if words.count == 2, let value = Double(words[1]) { values[String(words[0])] = Int(value) }
        }
        return values
    }
}
