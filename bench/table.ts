export interface Line {
  what: string
  ours: string
  against: string
  theirs: string
  result: number
  unit: 'x' | 'B' | 'ms'
  better: 'more' | 'less'
  floor?: number | undefined
  aim?: number | undefined
}

const heading = ['what', 'ours', 'against', 'theirs', 'result', 'floor', 'aim', 'verdict']

export function verdict({ result, better, floor, aim }: Line): 'aim' | 'floor' | 'MISSED' | '' {
  const reaches = (bound: number): boolean => (better === 'more' ? result >= bound : result <= bound)
  if (floor === undefined) return ''
  if (!reaches(floor)) return 'MISSED'
  return aim !== undefined && reaches(aim) ? 'aim' : 'floor'
}

export function table(lines: Line[]): string {
  const rows = [heading, ...lines.map(cells)]
  const widths = heading.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows
    .map((row) =>
      row
        .map((cell, column) =>
          column === 0 || column === 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)
        )
        .join('  ')
    )
    .join('\n')
}

function cells(line: Line): string[] {
  const { what, ours, against, theirs, result, unit, floor, aim } = line
  return [
    what,
    ours,
    against,
    theirs,
    quantity(result, unit),
    quantity(floor, unit),
    quantity(aim, unit),
    verdict(line)
  ]
}

function quantity(value: number | undefined, unit: Line['unit']): string {
  if (value === undefined) return ''
  return unit === 'x' ? `${value.toFixed(2)}x` : `${value.toFixed(unit === 'ms' ? 1 : 0)} ${unit}`
}
