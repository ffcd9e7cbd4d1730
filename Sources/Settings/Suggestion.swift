/// Finds the key that somebody who wrote another one probably meant.
enum Suggestion {
    /// The nearest key, or the nearest section for a name without a dot; nil where nothing is near.
    static func nearest(to name: String) -> String? {
        let keys = SettingKey.all
        // The right key in the wrong section, or in none.
        let leaf = name.split(separator: ".").last ?? ""
        let sameLeaf = keys.filter { $0.leaf == leaf }
        if sameLeaf.count == 1 { return sameLeaf[0].name }
        let candidates = keys.map(\.name) + (name.contains(".") ? [] : keys.map { String($0.section) })
        return best(candidates.map { ($0, distance(name, $0)) }, length: name.count)
            ?? best(keys.map { ($0.name, distance(String(leaf), String($0.leaf))) }, length: leaf.count)
    }

    /// The nearest environment variable.
    static func nearestVariable(to name: String) -> String? {
        best(SettingKey.all.map { ($0.environmentName, distance(name, $0.environmentName)) }, length: name.count)
    }

    private static func best(_ candidates: [(name: String, distance: Int)], length: Int) -> String? {
        guard let best = candidates.min(by: { ($0.distance, $0.name) < ($1.distance, $1.name) }) else { return nil }
        return best.distance <= max(1, length / 3) ? best.name : nil
    }

    /// How many letters must be added, removed or replaced to make one text of the other.
    static func distance(_ left: String, _ right: String) -> Int {
        let right = Array(right)
        var row = Array(0...right.count)
        for (i, character) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in right.enumerated() {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (character == other ? 0 : 1))
                diagonal = above
            }
        }
        return row[right.count]
    }
}
