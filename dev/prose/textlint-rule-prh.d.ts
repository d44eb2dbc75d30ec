declare module 'textlint-rule-prh' {
  import type { TextlintRuleModule } from '@textlint/types';

  const module: { readonly default: TextlintRuleModule };
  export default module;
}
