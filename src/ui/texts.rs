//! The words on the screen by language (3.30).

/// What a verdict says to the person before the camera.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tips {
    /// Admitted.
    pub pass: &'static str,
    /// Known and refused.
    pub refused: &'static str,
    /// Not on the lists.
    pub stranger: &'static str,
    /// Not a living face.
    pub not_alive: &'static str,
}

const fn tip(pass: &'static str, refused: &'static str, stranger: &'static str, not_alive: &'static str) -> Tips {
    Tips { pass, refused, stranger, not_alive }
}

/// By the document's language number, 0 first. The Chinese defaults are the document's own (3.1).
const TIPS: [Tips; 10] = [
    tip("Please pass", "No entry", "Stranger", "Please show your own face"),
    tip("请通行", "禁止通行", "陌生人", "请本人通行"),
    tip("請通行", "禁止通行", "陌生人", "請本人通行"),
    tip("Pode passar", "Acesso negado", "Desconhecido", "Mostre o seu rosto"),
    tip("통과하세요", "출입 금지", "미등록자", "본인 얼굴을 보여 주세요"),
    tip("Проходите", "Вход запрещён", "Незнакомец", "Покажите своё лицо"),
    tip("Prego, passare", "Accesso negato", "Sconosciuto", "Mostrare il proprio viso"),
    tip("Passez", "Accès refusé", "Inconnu", "Montrez votre visage"),
    tip("Adelante", "Acceso denegado", "Desconocido", "Muestre su rostro"),
    tip("お通りください", "立入禁止", "未登録", "ご本人の顔を見せてください"),
];

/// The tips of a language; English where the number has none.
#[must_use]
pub fn tips(language: i64) -> Tips {
    usize::try_from(language).ok().and_then(|n| TIPS.get(n)).copied().unwrap_or(TIPS[0])
}
