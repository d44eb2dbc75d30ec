import { createRequire } from 'node:module';

/** As much of the library as is used: its own types are those of a browser. */
interface Echarts {
  init(
    dom: null,
    theme: null,
    options: { renderer: 'svg'; ssr: true; width: number; height: number },
  ): { setOption(option: object): void; renderToSVGString(): string; dispose(): void };
}
const echarts = createRequire(import.meta.url)('echarts') as Echarts;

interface Figure {
  readonly name: string;
  /** One of each size. */
  readonly values: readonly number[];
}

const COLUMNS = 4;
const [WIDTH, HEIGHT] = [260, 200];

/** An SVG with a small plot of each figure, from nothing up, against the number of games, by powers of ten. */
export function drawGrowth(sizes: readonly number[], figures: readonly Figure[]): string {
  const width = COLUMNS * WIDTH;
  const height = Math.ceil(figures.length / COLUMNS) * HEIGHT;
  const at = (index: number) => ({
    left: (index % COLUMNS) * WIDTH,
    top: Math.floor(index / COLUMNS) * HEIGHT,
  });
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: '#ffffff',
      title: figures.map(({ name }, index) => ({
        text: name,
        left: at(index).left + 14,
        top: at(index).top + 6,
        textStyle: { fontSize: 13, fontWeight: 'normal' },
      })),
      grid: figures.map((_, index) => ({
        left: at(index).left + 48,
        top: at(index).top + 34,
        width: WIDTH - 70,
        height: HEIGHT - 66,
      })),
      xAxis: figures.map((_, gridIndex) => ({ type: 'log', gridIndex, min: sizes[0], max: sizes.at(-1) })),
      yAxis: figures.map((_, gridIndex) => ({ type: 'value', gridIndex, min: 0 })),
      series: figures.map(({ values }, index) => ({
        type: 'line',
        xAxisIndex: index,
        yAxisIndex: index,
        symbolSize: 6,
        data: values.map((value, place) => [sizes[place], Number(value.toFixed(2))]),
      })),
    });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}
